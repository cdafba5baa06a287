package io.fleettelemetry.datastore.nats.connection;

import io.fleettelemetry.datastore.nats.settings.TlsSettings;
import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.util.List;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/**
 * Makes TLS contexts from the files of {@link TlsSettings}. It reads the files for each handshake, so it is enough to
 * replace a file.
 */
public record Tls(TlsSettings files) {

    /** @throws IOException if a file is wrong, with the reason */
    public SSLContext context() throws IOException {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(
                    files.certFile().isEmpty() ? null : keyManagers(),
                    files.caFile().isEmpty() ? null : trustManagers(),
                    null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new IOException("TLS cannot be prepared: " + e, e);
        }
    }

    private TrustManager[] trustManagers() throws IOException, GeneralSecurityException {
        KeyStore trusted = emptyStore();
        for (X509Certificate ca : read(TlsSettings.CA_FILE, files.caFile(), Pem::certificates)) {
            trusted.setCertificateEntry("ca" + trusted.size(), ca);
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(trusted);
        return factory.getTrustManagers();
    }

    private KeyManager[] keyManagers() throws IOException, GeneralSecurityException {
        List<X509Certificate> chain = read(TlsSettings.CERT_FILE, files.certFile(), Pem::certificates);
        PrivateKey key = read(TlsSettings.KEY_FILE, files.keyFile(), Pem::privateKey);
        if (!belongTogether(key, chain.get(0).getPublicKey())) {
            throw new IOException(
                    TlsSettings.KEY_FILE + " = " + files.keyFile() + ": is not the key of the first certificate in "
                            + TlsSettings.CERT_FILE + " = " + files.certFile());
        }
        char[] password = {};
        KeyStore own = emptyStore();
        own.setKeyEntry("own", key, password, chain.toArray(X509Certificate[]::new));
        KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(own, password);
        return factory.getKeyManagers();
    }

    /** Whether a key belongs to a certificate. Otherwise the server would only report a wrong signature. */
    private static boolean belongTogether(PrivateKey key, PublicKey certified) throws GeneralSecurityException {
        if (!key.getAlgorithm().equals(certified.getAlgorithm())) {
            return false;
        }
        Signature signature = Signature.getInstance(
                switch (key.getAlgorithm()) {
                    case "RSA" -> "SHA256withRSA";
                    case "EC" -> "SHA256withECDSA";
                    default -> key.getAlgorithm();
                });
        byte[] anything = {1}; // the JDK does not accept its own EdDSA signature of an empty text
        signature.initSign(key);
        signature.update(anything);
        byte[] signed = signature.sign();
        signature.initVerify(certified);
        signature.update(anything);
        return signature.verify(signed);
    }

    private static KeyStore emptyStore() throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        return store;
    }

    private interface Reading<T> {
        T read(Path file) throws IOException;
    }

    private static <T> T read(String key, String file, Reading<T> reading) throws IOException {
        try {
            return reading.read(Path.of(file));
        } catch (IOException | InvalidPathException e) {
            throw new IOException(key + " = " + file + ": " + e.getMessage(), e);
        }
    }
}

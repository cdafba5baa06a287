package io.fleettelemetry.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/**
 * A certificate authority for servers and clients in tests. The {@code keytool} of the JDK that runs the test makes the
 * certificates, about one a second. So there is no certificate in the repository that could expire.
 */
public final class TestCa {

    private static final String PASSWORD = "changeit";

    private final Path directory;
    private final Path certificate;

    private TestCa(Path directory, String name) {
        this.directory = directory;
        this.certificate = directory.resolve(name + ".pem");
    }

    /**
     * A certificate and its key.
     *
     * @param certificate PEM file with one certificate
     * @param key PEM file with the PKCS#8 key, not encrypted
     */
    public record Identity(Path certificate, Path key) {}

    /**
     * Makes an authority.
     *
     * @param directory an existing directory for its files, which are not deleted
     * @param name a name that is not used yet in this directory
     */
    public static TestCa create(Path directory, String name) {
        var ca = new TestCa(directory, name);
        ca.keytool("ca", name, "-ext", "bc:c");
        write(ca.certificate, "CERTIFICATE", ca.encoded("ca"));
        return ca;
    }

    /** PEM file with the authority's certificate, for programs that must trust its certificates. */
    public Path certificate() {
        return certificate;
    }

    /** The authority's certificate in a key store, for {@code javax.net.ssl.trustStore}. */
    public Path trustStore() {
        try {
            Path file = directory.resolve(certificate.getFileName() + ".jks");
            var store = KeyStore.getInstance("JKS"); // can be read without a password
            store.load(null, null);
            store.setCertificateEntry("ca", chain("ca")[0]);
            try (var out = Files.newOutputStream(file)) {
                store.store(out, PASSWORD.toCharArray());
            }
            return file;
        } catch (GeneralSecurityException | IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * Issues a certificate with a key of its own.
     *
     * @param name the common name, which is also the name of the files
     * @param options further options of {@code keytool -genkeypair}, such as {@code -ext san=dns:localhost},
     *     {@code -startdate -2d}, {@code -keyalg RSA} (default EC); each word is an argument of its own
     */
    public Identity issue(String name, String... options) {
        var all = new ArrayList<>(List.of(options));
        all.addAll(List.of("-signer", "ca"));
        keytool(name, name, all.toArray(String[]::new));
        var identity = new Identity(directory.resolve(name + ".pem"), directory.resolve(name + "-key.pem"));
        write(identity.certificate, "CERTIFICATE", encoded(name));
        try {
            write(
                    identity.key,
                    "PRIVATE KEY",
                    store().getKey(name, PASSWORD.toCharArray()).getEncoded());
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
        return identity;
    }

    private byte[] encoded(String alias) {
        try {
            return chain(alias)[0].getEncoded();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private Certificate[] chain(String alias) throws GeneralSecurityException {
        return store().getCertificateChain(alias);
    }

    private KeyStore store() throws GeneralSecurityException {
        try (var in = Files.newInputStream(storeFile())) {
            var store = KeyStore.getInstance("PKCS12");
            store.load(in, PASSWORD.toCharArray());
            return store;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Path storeFile() {
        return directory.resolve(certificate.getFileName() + ".keys");
    }

    private void keytool(String alias, String commonName, String... options) {
        var command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-J-XX:TieredStopAtLevel=1", // half the time
                "-genkeypair",
                "-alias",
                alias,
                "-dname",
                "CN=" + commonName,
                "-keystore",
                storeFile().toString(),
                "-storetype",
                "PKCS12",
                "-storepass",
                PASSWORD));
        command.addAll(List.of(options));
        if (!command.contains("-keyalg")) {
            command.addAll(List.of("-keyalg", "EC"));
        }
        try {
            var process = Child.start(new ProcessBuilder(command).redirectErrorStream(true))
                    .process();
            process.getOutputStream().close();
            String said = new String(process.getInputStream().readAllBytes(), Charset.defaultCharset());
            if (process.waitFor() != 0) {
                throw new IllegalStateException(String.join(" ", command) + ":\n" + said);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while making a certificate", e);
        }
    }

    private static void write(Path file, String type, byte[] content) {
        String base64 = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(content);
        try {
            Files.writeString(
                    file,
                    "-----BEGIN " + type + "-----\n" + base64 + "\n-----END " + type + "-----\n",
                    StandardCharsets.US_ASCII);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

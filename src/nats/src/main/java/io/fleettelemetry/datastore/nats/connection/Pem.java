package io.fleettelemetry.datastore.nats.connection;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads PEM files with the JDK. The message of an {@link IOException} is the problem, without the name of the file. */
final class Pem {

    private static final Pattern BLOCK =
            Pattern.compile("-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \\1-----", Pattern.DOTALL);
    private static final String CERTIFICATE = "CERTIFICATE";
    private static final String PKCS8 = "PRIVATE KEY";
    private static final String ENCRYPTED = "ENCRYPTED PRIVATE KEY";
    /** The algorithms to try: a PKCS#8 key contains its algorithm, but the JDK needs to be told. */
    private static final List<String> KEY_ALGORITHMS = List.of("RSA", "EC", "EdDSA", "RSASSA-PSS");

    private Pem() {}

    private record Block(String type, String text) {

        byte[] content() throws IOException {
            try {
                return Base64.getMimeDecoder().decode(text);
            } catch (IllegalArgumentException e) {
                throw new IOException("is damaged: the text between BEGIN " + type + " and its END is not base64", e);
            }
        }
    }

    /** All certificates in a file, in their order; at least one. Everything else in the file is ignored. */
    static List<X509Certificate> certificates(Path file) throws IOException {
        List<X509Certificate> certificates = new ArrayList<>();
        try {
            CertificateFactory factory = CertificateFactory.getInstance("X.509");
            for (Block block : blocks(file)) {
                if (block.type.equals(CERTIFICATE)) {
                    certificates.add(
                            (X509Certificate) factory.generateCertificate(new ByteArrayInputStream(block.content())));
                }
            }
        } catch (GeneralSecurityException e) {
            throw new IOException("has a certificate that cannot be read: " + e.getMessage(), e);
        }
        if (certificates.isEmpty()) {
            throw new IOException("has no certificate; one begins with -----BEGIN " + CERTIFICATE + "-----");
        }
        return certificates;
    }

    /** The private key in a file: PKCS#8, not encrypted; RSA, EC or Ed25519. */
    static PrivateKey privateKey(Path file) throws IOException {
        for (Block block : blocks(file)) {
            if (block.type.equals(PKCS8)) {
                return privateKey(block.content());
            }
            if (block.type.endsWith(PKCS8)) { // RSA PRIVATE KEY, EC PRIVATE KEY, ENCRYPTED PRIVATE KEY
                throw new IOException("has "
                        + (block.type.equals(ENCRYPTED)
                                ? "an encrypted key"
                                : "a key in the form \"" + block.type + "\"")
                        + ", and PKCS#8 without a password is needed; convert it: openssl pkcs8 -topk8 -nocrypt -in "
                        + file
                        + " -out <new file>");
            }
        }
        throw new IOException("has no key; one begins with -----BEGIN " + PKCS8 + "-----");
    }

    private static PrivateKey privateKey(byte[] content) throws IOException {
        for (String algorithm : KEY_ALGORITHMS) {
            try {
                return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(content));
            } catch (InvalidKeySpecException e) {
                // another algorithm's
            } catch (GeneralSecurityException e) {
                throw new IOException("has a key that cannot be read: " + e.getMessage(), e);
            }
        }
        throw new IOException("has a key of an unknown kind; the known kinds are " + String.join(", ", KEY_ALGORITHMS));
    }

    private static List<Block> blocks(Path file) throws IOException {
        String text;
        try {
            text = Files.readString(file, StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            // Its message is only the file's name.
            throw new IOException("cannot be read: " + e.getClass().getSimpleName(), e);
        }
        List<Block> blocks = new ArrayList<>();
        Matcher matcher = BLOCK.matcher(text);
        while (matcher.find()) {
            blocks.add(new Block(matcher.group(1), matcher.group(2)));
        }
        return blocks;
    }
}

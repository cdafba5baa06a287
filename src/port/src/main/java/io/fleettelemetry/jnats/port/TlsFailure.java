package io.fleettelemetry.jnats.port;

import java.io.EOFException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.security.cert.CertPathBuilderException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;

/** Why a TLS handshake has failed, in words that say what to look at. */
final class TlsFailure {

    private TlsFailure() {}

    /** @param timeoutMillis how long the server had to answer */
    static String reason(Throwable e, int timeoutMillis) {
        Throwable root = e;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        if (root instanceof CertPathBuilderException) {
            return "no CA that is trusted here has signed the server's certificate: " + root.getMessage();
        }
        if (root instanceof CertificateExpiredException) {
            return "the server's certificate has expired: " + root.getMessage();
        }
        // What the JDK throws if the host's name is not in the certificate; for all else it has subclasses.
        if (root.getClass() == CertificateException.class) {
            return "the server's certificate is not for this host: " + root.getMessage();
        }
        if (root instanceof SocketException || root instanceof EOFException) {
            return "the server closed the connection (" + root.getMessage()
                    + "); it may not accept the client certificate, or may require one";
        }
        if (root instanceof SocketTimeoutException) {
            return "no answer within " + timeoutMillis + " ms";
        }
        return root.getMessage() == null ? root.toString() : root.getMessage();
    }
}

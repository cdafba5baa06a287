package io.fleettelemetry.testkit;

import io.nats.client.NKey;
import io.nats.client.support.JwtUtils;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.function.UnaryOperator;

/** An operator with one account. It makes {@code .creds} files for users of a {@link NatsServer}. */
public final class NatsOperator {

    private static final String ACCOUNT_CLAIM = "{\"type\":\"account\",\"version\":2,\"limits\":{\"subs\":-1,"
            + "\"data\":-1,\"payload\":-1,\"imports\":-1,\"exports\":-1,\"wildcards\":true,\"conn\":-1,\"leaf\":-1}}";
    private static final String OPERATOR_CLAIM = "{\"type\":\"operator\",\"version\":2}";

    private final NKey account;
    private final String configuration;

    public NatsOperator() {
        try {
            NKey operator = NKey.createOperator(null);
            account = NKey.createAccount(null);
            configuration = "operator: " + jwt(operator, operator, OPERATOR_CLAIM)
                    + "\nresolver: MEMORY\nresolver_preload: { " + name(account) + ": "
                    + jwt(operator, account, ACCOUNT_CLAIM) + " }";
        } catch (GeneralSecurityException | IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The lines that the server's configuration needs. */
    public String configuration() {
        return configuration;
    }

    /**
     * Makes one more user.
     *
     * @param file file for the user's credentials
     * @return the file
     */
    public Path writeCredentials(Path file) {
        return writeCredentials(file, limits -> limits);
    }

    /** Makes one more user, with limits. */
    public Path writeCredentials(Path file, UnaryOperator<JwtUtils.UserClaim> limits) {
        try {
            NKey user = NKey.createUser(null);
            String jwt = JwtUtils.issueUserJWT(
                    account,
                    name(user),
                    null,
                    null,
                    JwtUtils.currentTimeSeconds(),
                    limits.apply(new JwtUtils.UserClaim(name(account))));
            return Files.writeString(
                    file, String.format(JwtUtils.NATS_USER_JWT_FORMAT, jwt, new String(user.getSeed())));
        } catch (GeneralSecurityException | IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String jwt(NKey issuer, NKey subject, String claim) throws GeneralSecurityException, IOException {
        return JwtUtils.issueJWT(
                issuer, name(subject), name(subject), null, JwtUtils.currentTimeSeconds(), name(issuer), () -> claim);
    }

    private static String name(NKey key) throws GeneralSecurityException, IOException {
        return new String(key.getPublicKey());
    }
}

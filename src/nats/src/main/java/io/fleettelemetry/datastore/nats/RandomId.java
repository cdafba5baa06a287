package io.fleettelemetry.datastore.nats;

import java.security.SecureRandom;

/**
 * Random ids that do not follow from each other. Every subscriber sees the message ids, and the subjects of JetStream's
 * answers must not follow from them.
 */
final class RandomId {

    private static final String CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    /** 131 bits. */
    private static final int LENGTH = 22;

    private static final SecureRandom random = new SecureRandom();

    private RandomId() {}

    static String next() {
        StringBuilder id = new StringBuilder(LENGTH);
        for (int i = 0; i < LENGTH; i++) {
            id.append(CHARACTERS.charAt(random.nextInt(CHARACTERS.length())));
        }
        return id.toString();
    }
}

package io.fleettelemetry.console;

import java.util.Locale;

/** Vehicle identification numbers, 17 characters each, as in {@code 5YJ3E1EA8NF000001}. */
final class Vin {

    /** Number of different VINs: the last six characters are a decimal serial number, which begins at 1. */
    static final int COUNT = 999_999;

    // A Model 3 of 2022 from Fremont. Position 9 is the check digit, filled in later.
    private static final String FORMAT = "5YJ3E1EA0NF%06d";
    private static final int CHECK = 8;

    // North American check digit (49 CFR 565.15): letters count as digits, I, O and Q do not occur.
    private static final String LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ";
    private static final String DIGITS_OF_LETTERS = "12345678123457923456789";
    private static final int[] WEIGHTS = {8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2};

    private Vin() {}

    /**
     * The VIN of one car, with a valid check digit.
     *
     * @param serial 1 to {@link #COUNT}; different numbers give different VINs
     */
    static String of(int serial) {
        StringBuilder vin = new StringBuilder(String.format(Locale.ROOT, FORMAT, serial));
        vin.setCharAt(CHECK, checkDigit(vin));
        return vin.toString();
    }

    /** The check digit for position 9 of these 17 characters. The present character there is ignored. */
    static char checkDigit(CharSequence vin) {
        int sum = 0;
        for (int i = 0; i < WEIGHTS.length; i++) {
            char c = vin.charAt(i);
            char digit = Character.isDigit(c) ? c : DIGITS_OF_LETTERS.charAt(LETTERS.indexOf(c));
            sum += WEIGHTS[i] * (digit - '0');
        }
        return sum % 11 == 10 ? 'X' : (char) ('0' + sum % 11);
    }
}

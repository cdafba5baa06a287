package io.fleettelemetry.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * The bytes that one side of a NATS connection sent, parsed strictly by the <a
 * href="https://docs.nats.io/reference/reference-protocols/nats-protocol">protocol</a>. It is written for tests only,
 * and shares no code with the classes that make frames.
 *
 * @param frames all whole frames up to {@link #end}
 * @param end index of the first byte that belongs to no whole frame: the length of the stream, or less if the stream
 *     ends in the middle of a frame, as it may after a cut, or if it has a flaw
 * @param flaw where and why the stream is illegal; empty if it is legal
 */
public record Transcript(List<Frame> frames, int end, Optional<Flaw> flaw) {

    /**
     * One protocol message.
     *
     * @param verb the verb in capitals, such as {@code PUB}
     * @param offset index of its first byte in the stream
     * @param subject the subject of a message or a subscription; else null
     * @param reply the subject for replies; null if there is none
     * @param headers the headers of a message, with {@code NATS/1.0} and the empty line; empty if there are none
     * @param payload the payload of a message; for {@code CONNECT}, {@code INFO} and {@code -ERR}, the text after the
     *     verb
     */
    public record Frame(String verb, int offset, String subject, String reply, byte[] headers, byte[] payload) {}

    /** The reason why the stream is illegal, and the index of the first illegal byte. */
    public record Flaw(int offset, String reason) {}

    private static final Set<String> CLIENT = Set.of("CONNECT", "PING", "PONG", "PUB", "HPUB", "SUB", "UNSUB");
    private static final Set<String> SERVER = Set.of("INFO", "PING", "PONG", "MSG", "HMSG", "+OK", "-ERR");

    /** The length of a client's longest line. A server's lines may be longer, and its INFO is. */
    private static final int LONGEST_LINE = 4096;

    /** Parses the bytes of a client. They begin with CONNECT, which comes once. */
    public static Transcript ofClient(byte[] stream) {
        return new Reader(stream, CLIENT, "CONNECT").read();
    }

    /** Parses the bytes of a server. They begin with INFO, which may come again. */
    public static Transcript ofServer(byte[] stream) {
        return new Reader(stream, SERVER, "INFO").read();
    }

    /** The messages among the frames: PUB and HPUB, or MSG and HMSG. */
    public List<Frame> messages() {
        return frames.stream()
                .filter(frame -> frame.verb.endsWith("PUB") || frame.verb.endsWith("MSG"))
                .toList();
    }

    private static final class Reader {

        private final byte[] stream;
        private final Set<String> verbs;
        private final String first;
        private final List<Frame> frames = new ArrayList<>();
        /** The index of the frame that is being read, and of the next byte in it. */
        private int start;

        private int at;

        Reader(byte[] stream, Set<String> verbs, String first) {
            this.stream = stream;
            this.verbs = verbs;
            this.first = first;
        }

        Transcript read() {
            try {
                while (at < stream.length) {
                    start = at;
                    frames.add(frame());
                }
                return new Transcript(List.copyOf(frames), at, Optional.empty());
            } catch (Incomplete e) {
                return new Transcript(List.copyOf(frames), start, Optional.empty());
            } catch (Illegal e) {
                return new Transcript(List.copyOf(frames), start, Optional.of(new Flaw(e.offset, e.getMessage())));
            }
        }

        private Frame frame() throws Incomplete, Illegal {
            String verb = verb();
            if (frames.isEmpty() && !verb.equals(first)) {
                throw new Illegal(start, "begins with " + verb + ", not with " + first);
            }
            if (!frames.isEmpty() && verb.equals("CONNECT")) {
                throw new Illegal(start, "CONNECT again");
            }
            int words = at;
            String line = line();
            switch (verb) {
                case "PING", "PONG", "+OK" -> {
                    if (!line.isBlank()) {
                        throw new Illegal(words, verb + " has no arguments");
                    }
                    return new Frame(verb, start, null, null, new byte[0], new byte[0]);
                }
                case "CONNECT", "INFO" -> {
                    String json = line.strip();
                    if (!json.startsWith("{") || !json.endsWith("}")) {
                        throw new Illegal(words, verb + " takes a JSON object");
                    }
                    return new Frame(verb, start, null, null, new byte[0], json.getBytes(UTF_8));
                }
                case "-ERR" -> {
                    return new Frame(
                            verb, start, null, null, new byte[0], line.strip().getBytes(UTF_8));
                }
                default -> {
                    String[] arguments =
                            line.isBlank() ? new String[0] : line.strip().split("[ \t]+");
                    return switch (verb) {
                        case "SUB" -> subscription(words, arguments);
                        case "UNSUB" -> unsubscription(words, arguments);
                        case "PUB" -> message(verb, words, arguments, 1, 1);
                        case "HPUB" -> message(verb, words, arguments, 1, 2);
                        case "MSG" -> message(verb, words, arguments, 2, 1);
                        default -> message(verb, words, arguments, 2, 2);
                    };
                }
            }
        }

        /** Reads the verb, up to the first byte that is not a letter. Verbs may be in lower case. */
        private String verb() throws Incomplete, Illegal {
            int end = start;
            while (end < stream.length && stream[end] > ' ') {
                end++;
                String begun = text(start, end).toUpperCase(Locale.ROOT);
                if (verbs.stream().noneMatch(verb -> verb.startsWith(begun))) {
                    throw new Illegal(end - 1, "no verb begins with \"" + begun + "\"");
                }
            }
            if (end == stream.length) {
                throw new Incomplete();
            }
            String verb = text(start, end).toUpperCase(Locale.ROOT);
            if (!verbs.contains(verb)) {
                throw new Illegal(end, "\"" + verb + "\" is no verb");
            }
            at = end;
            return verb;
        }

        /** Reads the rest of the line, with its end. */
        private String line() throws Incomplete, Illegal {
            int end = at;
            while (end < stream.length && stream[end] != '\r') {
                if (stream[end] == '\n') {
                    throw new Illegal(end, "a line ends with CR LF, not with LF");
                }
                if (verbs == CLIENT && end - start >= LONGEST_LINE) {
                    throw new Illegal(end, "the line is longer than " + LONGEST_LINE + " bytes");
                }
                end++;
            }
            String line = text(at, end);
            at = end;
            lineEnd("a line ends with CR LF");
            return line;
        }

        private void lineEnd(String rule) throws Incomplete, Illegal {
            for (byte expected : new byte[] {'\r', '\n'}) {
                if (at == stream.length) {
                    throw new Incomplete();
                }
                if (stream[at] != expected) {
                    throw new Illegal(at, rule);
                }
                at++;
            }
        }

        private Frame subscription(int words, String[] arguments) throws Illegal {
            if (arguments.length != 2 && arguments.length != 3) {
                throw new Illegal(words, "SUB takes a subject, perhaps a queue group, and a number");
            }
            subject(words, arguments[0], true);
            number(words, arguments[arguments.length - 1]);
            return new Frame("SUB", start, arguments[0], null, new byte[0], new byte[0]);
        }

        private Frame unsubscription(int words, String[] arguments) throws Illegal {
            if (arguments.length != 1 && arguments.length != 2) {
                throw new Illegal(words, "UNSUB takes the number of a subscription, and perhaps one of messages");
            }
            for (String argument : arguments) {
                number(words, argument);
            }
            return new Frame("UNSUB", start, null, null, new byte[0], new byte[0]);
        }

        /**
         * Reads a message: a subject; if {@code fixed} is two, the id of the subscription; an optional reply subject;
         * and the sizes, which are the total or, if there are two of them, those of the headers and the total.
         */
        private Frame message(String verb, int words, String[] arguments, int fixed, int sizes)
                throws Incomplete, Illegal {
            boolean replies = arguments.length == fixed + 1 + sizes;
            if (!replies && arguments.length != fixed + sizes) {
                throw new Illegal(words, verb + " does not take " + arguments.length + " arguments");
            }
            subject(words, arguments[0], false);
            if (fixed == 2) {
                number(words, arguments[1]);
            }
            String reply = replies ? arguments[fixed] : null;
            if (replies) {
                subject(words, reply, false);
            }
            int total = number(words, arguments[arguments.length - 1]);
            int headers = sizes == 2 ? number(words, arguments[arguments.length - 2]) : 0;
            if (headers > total) {
                throw new Illegal(words, "headers of " + headers + " bytes in a message of " + total);
            }
            int body = at;
            if (total > stream.length - body) {
                throw new Incomplete();
            }
            if (sizes == 2) {
                checkHeaders(body, body + headers);
            }
            at = body + total;
            lineEnd("a message of " + total + " bytes is followed by CR LF");
            return new Frame(
                    verb,
                    start,
                    arguments[0],
                    reply,
                    Arrays.copyOfRange(stream, body, body + headers),
                    Arrays.copyOfRange(stream, body + headers, body + total));
        }

        private void checkHeaders(int from, int to) throws Illegal {
            String block = text(from, to);
            if (!block.startsWith("NATS/1.0")) {
                throw new Illegal(from, "headers begin with NATS/1.0");
            }
            if (!block.endsWith("\r\n\r\n")) {
                throw new Illegal(to, "headers of " + (to - from) + " bytes do not end with an empty line there");
            }
            String[] lines = block.substring(0, block.length() - 4).split("\r\n", -1);
            // A status and its text may follow in the first line.
            int offset = from + lines[0].getBytes(UTF_8).length + 2;
            for (int i = 1; i < lines.length; i++) {
                if (!lines[i].matches("[!-9;-~]+:[^\r\n]*")) {
                    throw new Illegal(offset, "\"" + lines[i] + "\" is no header");
                }
                offset += lines[i].getBytes(UTF_8).length + 2;
            }
        }

        private static void subject(int words, String subject, boolean wildcards) throws Illegal {
            for (int i = 0; i < subject.length(); i++) {
                if (subject.charAt(i) < ' ' || subject.charAt(i) == 0x7f) {
                    throw new Illegal(words, "a control character in the subject \"" + subject + '"');
                }
            }
            String[] tokens = subject.split("\\.", -1);
            for (int i = 0; i < tokens.length; i++) {
                if (tokens[i].isEmpty()) {
                    throw new Illegal(words, "an empty token in the subject \"" + subject + '"');
                }
                boolean star = tokens[i].equals("*");
                boolean rest = tokens[i].equals(">");
                if ((star || rest) && !wildcards || rest && i < tokens.length - 1) {
                    throw new Illegal(words, "a wildcard that cannot be there in the subject \"" + subject + '"');
                }
            }
        }

        private static int number(int words, String text) throws Illegal {
            if (!text.matches("[0-9]{1,9}")) {
                throw new Illegal(words, "\"" + text + "\" is no number here");
            }
            return Integer.parseInt(text);
        }

        private String text(int from, int to) {
            return new String(stream, from, to - from, UTF_8);
        }
    }

    /** The stream ends before the frame does. */
    private static final class Incomplete extends Exception {
        private static final long serialVersionUID = 1L;
    }

    private static final class Illegal extends Exception {
        private static final long serialVersionUID = 1L;

        private final int offset;

        Illegal(int offset, String reason) {
            super(reason);
            this.offset = offset;
        }
    }
}

package io.fleettelemetry.datastore.nats.jetstream;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * JetStream's answers of the last seconds, for the status and for the reasons of records that expire. A PubAck only
 * reads the clock. Other answers are rare, or a sign of a problem, and are guarded by this.
 */
public final class LatestAnswers {

    /** The kinds of answers that are not a PubAck. */
    private enum Kind {
        /** The stream will not store the record, and refuses similar ones as well. */
        REFUSED,
        /** The stream will not store this record. */
        REFUSED_ALONE,
        /** The record was not stored, and is written again. */
        POSTPONED,
        /** A reply that is not from JetStream, or is from a stream that is not ours. */
        UNEXPECTED
    }

    /** Answers of one kind without a long pause between them. */
    private static final class Spell {
        private long count;
        private long since;
        private long last;
        private String words = "";
    }

    private static final long SHOWN_NANOS = TimeUnit.SECONDS.toNanos(10);
    /** Longer than the journal ever waits before it writes a record again. */
    private static final long POSTPONED_SHOWN_NANOS = TimeUnit.SECONDS.toNanos(17);
    /** When other records are stored again, the postponed ones are most likely stored after this time. */
    private static final long POSTPONED_PASSED_NANOS = TimeUnit.SECONDS.toNanos(3);

    private static final long UNEXPECTED_SHOWN_NANOS = TimeUnit.SECONDS.toNanos(60);
    /** A cluster that elects a leader may store nothing for this time. */
    private static final long LASTING_NANOS = TimeUnit.SECONDS.toNanos(2);
    /** A missing answer is noticed five seconds after the write. So after this time nothing has answered for ten seconds. */
    private static final long MISSING_NANOS = TimeUnit.SECONDS.toNanos(5);

    private final LongSupplier nanoTime;
    private volatile boolean anyStored;
    private volatile long lastStored;

    private final Map<Kind, Spell> spells = new EnumMap<>(Kind.class);
    private long unexpected;
    /** Whether the oldest record on the wire has been without an answer for a while, and since when. */
    private boolean missing;

    private long missingSince;

    LatestAnswers(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
        for (Kind kind : Kind.values()) {
            spells.put(kind, new Spell());
        }
    }

    /** A PubAck that counts. */
    void stored() {
        lastStored = nanoTime.getAsLong();
        anyStored = true;
    }

    /**
     * @param words the server's words
     * @param alone whether the reason is the record itself
     */
    void refused(String words, boolean alone) {
        add(alone ? Kind.REFUSED_ALONE : Kind.REFUSED, words);
    }

    void postponed(String words) {
        add(Kind.POSTPONED, words);
    }

    void unexpected(String words) {
        add(Kind.UNEXPECTED, words);
    }

    /**
     * Whether the oldest record on the wire is without an answer although it was written again; false without a wire.
     */
    public synchronized void missing(boolean now) {
        missingSince = now && !missing ? nanoTime.getAsLong() : missingSince;
        missing = now;
    }

    /** Forgets the postponed records, because the streams have changed since then. */
    synchronized void forgetPostponed() {
        spells.put(Kind.POSTPONED, new Spell());
    }

    private synchronized void add(Kind kind, String words) {
        long now = nanoTime.getAsLong();
        if (!isShown(kind, now)) {
            spells.put(kind, new Spell());
        }
        Spell spell = spells.get(kind);
        if (spell.count == 0) {
            spell.since = now;
        }
        spell.count++;
        spell.last = now;
        spell.words = words;
        unexpected += kind == Kind.UNEXPECTED ? 1 : 0;
    }

    private boolean isShown(Kind kind, long now) {
        Spell spell = spells.get(kind);
        long age = now - spell.last;
        return spell.count > 0
                && switch (kind) {
                    case REFUSED, REFUSED_ALONE -> age < SHOWN_NANOS;
                    case POSTPONED ->
                        age < (isStoredSince(spell.last) ? POSTPONED_PASSED_NANOS : POSTPONED_SHOWN_NANOS);
                    case UNEXPECTED -> age < UNEXPECTED_SHOWN_NANOS;
                };
    }

    /** Whether a PubAck came at this time or later. */
    boolean isStoredSince(long time) {
        return anyStored && lastStored - time >= 0;
    }

    /** Number of unexpected replies so far. */
    synchronized long unexpected() {
        return unexpected;
    }

    /** Why no record is stored now, in the server's words; empty if records are stored, or if there was no answer. */
    synchronized String whyNothingIsStored() {
        long now = nanoTime.getAsLong();
        for (Kind kind : List.of(Kind.REFUSED, Kind.POSTPONED)) {
            Spell spell = spells.get(kind);
            boolean lasts = kind == Kind.REFUSED || spell.last - spell.since >= LASTING_NANOS;
            long from = now - SHOWN_NANOS - spell.since > 0 ? now - SHOWN_NANOS : spell.since;
            if (isShown(kind, now) && lasts && !isStoredSince(from)) {
                return "no record was stored in the last " + seconds(now, from) + "; " + inWords(kind, now)
                        + (isShown(Kind.UNEXPECTED, now) ? "; " + inWords(Kind.UNEXPECTED, now) : "");
            }
        }
        return whyNothingIsAnswered(now);
    }

    /** A stream whose disk is full, or that has no leader, may say nothing at all. */
    private String whyNothingIsAnswered(long now) {
        boolean silent = missing && now - missingSince >= MISSING_NANOS && !isStoredSince(now - SHOWN_NANOS);
        return silent
                ? "no record was stored in the last " + seconds(now, missingSince - MISSING_NANOS)
                        + ", and no stream answers; see the log of the server that leads the stream"
                : "";
    }

    /** The answers of the last seconds that were not PubAcks, in sentences. */
    synchronized List<String> problems() {
        long now = nanoTime.getAsLong();
        List<String> problems = new ArrayList<>();
        for (Kind kind : Kind.values()) {
            if (isShown(kind, now)) {
                problems.add(inWords(kind, now));
            }
        }
        return problems;
    }

    private String inWords(Kind kind, long now) {
        Spell spell = spells.get(kind);
        String within = " in the last " + seconds(now, spell.since);
        return switch (kind) {
            case REFUSED, REFUSED_ALONE -> "the stream refused " + records(spell.count) + within + ": " + spell.words;
            case POSTPONED ->
                records(spell.count) + " could not be stored at once" + within + " and will be sent again: "
                        + spell.words;
            case UNEXPECTED ->
                "unexpected replies" + within + ": " + spell.count + ", which confirm nothing; the last: "
                        + spell.words;
        };
    }

    private static String records(long count) {
        return count + (count == 1 ? " record" : " records");
    }

    private static String seconds(long now, long since) {
        return Math.max(1, TimeUnit.NANOSECONDS.toSeconds(now - since + TimeUnit.SECONDS.toNanos(1) - 1)) + " s";
    }

    /** The last answer, not older than this, that was neither a PubAck nor a refusal: why a record may have expired. */
    public synchronized String lastWords(long nanos) {
        long now = nanoTime.getAsLong();
        Spell postponed = spells.get(Kind.POSTPONED);
        Spell notAnAck = spells.get(Kind.UNEXPECTED);
        Spell last =
                postponed.count == 0 || notAnAck.count > 0 && notAnAck.last - postponed.last > 0 ? notAnAck : postponed;
        return last.count > 0 && now - last.last <= nanos
                ? "JetStream's last answer, " + seconds(now, last.last) + " ago: " + last.words
                : "";
    }
}

package io.fleettelemetry.datastore.nats.journal;

import java.util.concurrent.TimeUnit;

/**
 * JetStream: how many young frames may be without an answer. Servers refuse (429) what they could not store in time: then
 * the window is halved, and grows again by so much for as many answers as it is wide. A frame that has had no answer for a
 * second is no longer young and holds up no others: its stream may be silent. Guarded by the journal's monitor.
 */
final class AnswerWindow {

    static final long YOUNG_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long AGE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private static final int MAX = 8_192;
    private static final int MIN = 32;
    private static final int GROWTH = 8;

    private int size = MAX;
    /** Young frames on the wire in use. */
    private int young;
    /** Since it has grown. */
    private int answers;

    /** When a stream has stored something last. */
    private long storedAt;

    private long shrunkAt;
    private long lastAging;

    AnswerWindow(long now) {
        shrunkAt = now - TimeUnit.DAYS.toNanos(1);
        storedAt = shrunkAt;
        lastAging = shrunkAt;
    }

    /** Nothing is on the wire. */
    void begin() {
        young = 0;
    }

    int size() {
        return size;
    }

    /** How many frames on the wire may yet be answered soon. */
    int young() {
        return young;
    }

    int room() {
        return size - young;
    }

    void add(int frames) {
        young += frames;
    }

    /** Whether so many frames may go out, or a good part of what may; few at a time would cost too much. */
    boolean hasRoomFor(int frames) {
        return room() >= Math.min(frames, size / 4);
    }

    /** Whether it is time to look what is no longer young; then it is not for a while. */
    boolean isToAge(long now) {
        boolean due = now - lastAging >= AGE_NANOS;
        lastAging = due ? now : lastAging;
        return due;
    }

    void stored(long now) {
        storedAt = now;
        if (size < MAX && ++answers >= size / GROWTH) {
            answers = 0;
            size++;
        }
    }

    long nanosSinceStored(long now) {
        return now - storedAt;
    }

    /** Whether there is again just enough room to go on. */
    boolean opens() {
        return room() == Math.max(1, size / 4);
    }

    /** The stream could not store what was written since then. */
    void refused(long since, long now) {
        if (since - shrunkAt > 0) { // once for all that was on its way then
            shrunkAt = now;
            size = Math.max(MIN, size / 2);
        }
    }
}

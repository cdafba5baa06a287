package io.fleettelemetry.datastore.nats.journal;

import java.util.concurrent.TimeUnit;

/**
 * JetStream: the limit on young frames without an answer. Servers refuse (429) records that they could not store in
 * time. Then the window is halved, and grows again after as many answers as it is wide. A frame without an answer for a
 * second is no longer young and does not delay others, because its stream may be silent. Guarded by the journal's
 * monitor.
 */
final class AnswerWindow {

    static final long YOUNG_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long AGE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private static final int MAX = 8_192;
    private static final int MIN = 32;
    private static final int GROWTH = 8;

    private int size = MAX;
    /** Number of young frames on the wire in use. */
    private int young;
    /** Number of answers since the window last grew. */
    private int answers;

    /** When a stream last stored a record. */
    private long storedAt;

    private long shrunkAt;
    private long lastAging;

    AnswerWindow(long now) {
        shrunkAt = now - TimeUnit.DAYS.toNanos(1);
        storedAt = shrunkAt;
        lastAging = shrunkAt;
    }

    /** Begins a wire with no frames on it. */
    void begin() {
        young = 0;
    }

    int size() {
        return size;
    }

    /** Number of frames on the wire that may still be answered soon. */
    int young() {
        return young;
    }

    int room() {
        return size - young;
    }

    void add(int frames) {
        young += frames;
    }

    /** Whether this many frames, or a good part of the window, may go out; a few at a time would cost too much. */
    boolean hasRoomFor(int frames) {
        return room() >= Math.min(frames, size / 4);
    }

    /** Whether it is time to check which frames are no longer young. If so, it is not time again for a while. */
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

    /** Whether there is now just enough room to continue. */
    boolean opens() {
        return room() == Math.max(1, size / 4);
    }

    /** The stream could not store a frame that was written at this time. */
    void refused(long since, long now) {
        if (since - shrunkAt > 0) { // once for all frames that were on their way then
            shrunkAt = now;
            size = Math.max(MIN, size / 2);
        }
    }
}

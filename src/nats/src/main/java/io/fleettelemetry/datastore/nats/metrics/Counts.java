package io.fleettelemetry.datastore.nats.metrics;

import io.fleettelemetry.api.Token;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Stream;

/**
 * The counts of produced, confirmed and failed records by type: the one place that counts. It outlives connections and
 * configurations.
 *
 * <p>Vehicles choose the type freely, so the number of counters is limited: the first {@value #MAX_TYPES} types have
 * their own, all further types share {@code _other}, and types that are not tokens share {@code _invalid}.
 */
public final class Counts {

    public static final int MAX_TYPES = 64;

    /** A counter for many threads. It never throws, although the JDK's adder may need memory. */
    public static final class Count {
        private final LongAdder adder = new LongAdder();
        private final AtomicLong whenFull = new AtomicLong();

        public void increment() {
            add(1);
        }

        public void add(long more) {
            try {
                adder.add(more);
            } catch (OutOfMemoryError e) { // the adder has added nothing then
                whenFull.addAndGet(more);
            }
        }

        public long sum() {
            return adder.sum() + whenFull.get();
        }
    }

    /** The counts of one value of the label {@code record_type}. */
    public static final class OfType {
        public final String label;
        /** Records that were offered, including refused ones, and their payload bytes. */
        public final Count produced = new Count();

        public final Count producedBytes = new Count();
        /** Records that the server has, and their payload bytes. */
        public final Count confirmed = new Count();

        public final Count confirmedBytes = new Count();
        /** Confirmations because of which a reliable ack went out. */
        public final Count reliableAcks = new Count();
        /** Records that failed. */
        public final Count failed = new Count();

        private OfType(String label) {
            this.label = label;
        }
    }

    private final OfType other = new OfType("_other");
    private final OfType invalid = new OfType("_invalid");
    /** The types in the order of first use. A fleet has few types, so a scan is cheaper than a hash map. */
    private volatile OfType[] known = {};

    public OfType of(String type) {
        for (OfType counts : known) {
            if (counts.label.equals(type)) {
                return counts;
            }
        }
        if (type.equals(other.label)) { // no second series with the same label
            return other;
        }
        try {
            return Token.is(type) && !type.equals(invalid.label) ? add(type) : invalid;
        } catch (OutOfMemoryError e) { // the type stays unknown then
            return other;
        }
    }

    private synchronized OfType add(String type) {
        for (OfType counts : known) {
            if (counts.label.equals(type)) {
                return counts;
            }
        }
        if (known.length == MAX_TYPES) {
            return other;
        }
        OfType counts = new OfType(type);
        OfType[] more = Arrays.copyOf(known, known.length + 1);
        more[known.length] = counts;
        known = more;
        return counts;
    }

    /** All types that have counted something, in the order of first use, the shared ones last. */
    public List<OfType> all() {
        return Stream.concat(Arrays.stream(known), Stream.of(other, invalid))
                .filter(counts -> counts.produced.sum() > 0)
                .toList();
    }
}

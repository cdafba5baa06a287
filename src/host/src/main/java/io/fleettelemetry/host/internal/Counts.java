package io.fleettelemetry.host.internal;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/**
 * The host's own counts: the one place that counts records and reliable acks. They outlive configurations. Routes refer
 * to them, so counting a record needs no lookup.
 */
final class Counts {

    /** The counts of the records of one type. */
    static final class OfType {
        final String recordType;
        final LongAdder records = new LongAdder();
        final LongAdder bytes = new LongAdder();
        /** Records that were handed to every datastore of their route. */
        final LongAdder dispatched = new LongAdder();

        private OfType(String recordType) {
            this.recordType = recordType;
        }
    }

    /** The counts of the reliable acks of one record type that one datastore's confirmations caused. */
    static final class OfAcks {
        final String recordType;
        final String datastore;
        /** Acks that were passed to a source whose vehicle was there. */
        final LongAdder passed = new LongAdder();
        /** Acks whose vehicle was gone. */
        final LongAdder missed = new LongAdder();

        private OfAcks(String recordType, String datastore) {
            this.recordType = recordType;
            this.datastore = datastore;
        }
    }

    /** Records of types without a route. Vehicles choose the type freely, so it must not become a label. */
    final OfType unrouted = new OfType("_other");

    private final Map<String, OfType> types = new ConcurrentHashMap<>();
    private final Map<List<String>, OfAcks> acks = new ConcurrentHashMap<>();

    Counts() {
        types.put(unrouted.recordType, unrouted);
    }

    OfType ofType(String recordType) {
        return types.computeIfAbsent(recordType, OfType::new);
    }

    OfAcks ofAcks(String recordType, String datastore) {
        return acks.computeIfAbsent(List.of(recordType, datastore), key -> new OfAcks(recordType, datastore));
    }

    Collection<OfType> types() {
        return types.values();
    }

    Collection<OfAcks> acks() {
        return acks.values();
    }
}

package io.fleettelemetry.datastore.nats.faults;

import java.util.BitSet;
import java.util.stream.LongStream;

/** A set of {@linkplain Fleet#id ids}, small enough for millions. Safe for any number of threads. */
final class Ids {

    private final BitSet[] numbers;
    private long size;

    Ids(Fleet fleet) {
        numbers = new BitSet[fleet.vehicles()];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = new BitSet();
        }
    }

    /** False if it was in there. */
    synchronized boolean add(long id) {
        BitSet ofVehicle = numbers[Fleet.vehicle(id)];
        if (ofVehicle.get(Fleet.number(id))) {
            return false;
        }
        ofVehicle.set(Fleet.number(id));
        size++;
        return true;
    }

    synchronized void remove(long id) {
        numbers[Fleet.vehicle(id)].clear(Fleet.number(id));
        size--;
    }

    synchronized boolean contains(long id) {
        return numbers[Fleet.vehicle(id)].get(Fleet.number(id));
    }

    synchronized long size() {
        return size;
    }

    /** Those that the other set does not contain, by vehicle and number. */
    synchronized long[] without(Ids other) {
        LongStream.Builder rest = LongStream.builder();
        for (int vehicle = 0; vehicle < numbers.length; vehicle++) {
            for (int n = numbers[vehicle].nextSetBit(0); n >= 0; n = numbers[vehicle].nextSetBit(n + 1)) {
                long id = Fleet.id(vehicle, n);
                if (!other.contains(id)) {
                    rest.add(id);
                }
            }
        }
        return rest.build().toArray();
    }
}

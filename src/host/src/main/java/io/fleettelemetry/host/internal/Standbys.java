package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.host.HostStatus;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Shows in the status the datastores that are not in use because another one of the same name ranks higher. */
final class Standbys {

    private Standbys() {}

    /**
     * Returns a datastore with its standbys among the details.
     *
     * @param all all producers of its name, the best first
     */
    static HostStatus.Datastore shown(HostStatus.Datastore datastore, List<Ranking.Ranked<Producer>> all) {
        if (all.size() < 2) {
            return datastore;
        }
        Status status = datastore.status();
        Map<String, String> details = new LinkedHashMap<>(status.details());
        details.put("ranking", Integer.toString(all.get(0).ranking()));
        for (int i = 1; i < all.size(); i++) {
            Status standby = ProducerStatus.of(datastore.name(), all.get(i).service());
            details.put(
                    "standby" + (i == 1 ? "" : " " + i),
                    "ranking " + all.get(i).ranking() + ", " + standby.state() + ": " + standby.summary());
        }
        return new HostStatus.Datastore(
                datastore.name(),
                datastore.present(),
                datastore.routed(),
                new Status(status.state(), status.summary(), details),
                datastore.offered(),
                datastore.confirmed(),
                datastore.failed(),
                datastore.heldRecords(),
                datastore.heldBytes());
    }

    /** A sentence if two datastores rank equally: which of them is used is random, and may change with a restart. */
    static Stream<String> tie(String name, List<Ranking.Ranked<Producer>> all) {
        return all.size() < 2 || all.get(0).ranking() != all.get(1).ranking()
                ? Stream.of()
                : Stream.of("there are two datastores '" + name + "' with service.ranking = "
                        + all.get(0).ranking()
                        + ": chance decides which one is used; give one of them another name or a lower"
                        + " service.ranking, or delete its file");
    }
}

package io.fleettelemetry.datastore.nats;

import java.util.ArrayDeque;

/** The blocks of a journal, oldest first, and those that wait to be used again. Guarded by the journal's lock. */
final class Blocks {

    private final ArrayDeque<Block> free = new ArrayDeque<>();
    private Block head;
    private Block tail;
    private long sequence;
    /** Where {@link #holding} found a frame last: answers mostly come in the order of the frames. */
    private Block found;

    /** The oldest block; null if there is none. */
    Block head() {
        return head;
    }

    /** The last block if a frame of this length fits in, else a new one behind it. */
    Block withRoomFor(int length) {
        if (tail != null && tail.hasRoomFor(length)) {
            return tail;
        }
        Block block = length > Block.SIZE ? new Block(length) : free.poll();
        return link(block == null ? new Block(Block.SIZE) : block);
    }

    private Block link(Block block) {
        block.sequence = ++sequence;
        block.linked = true;
        block.previous = tail;
        if (tail == null) {
            head = block;
        } else {
            tail.next = block;
        }
        tail = block;
        return block;
    }

    void unlink(Block block) {
        if (block.previous == null) {
            head = block.next;
        } else {
            block.previous.next = block.next;
        }
        if (block.next == null) {
            tail = block.previous;
        } else {
            block.next.previous = block.previous;
        }
        block.next = null;
        block.previous = null;
        block.linked = false;
    }

    /** Takes all blocks out and leaves them chained to each other. */
    Block unlinkAll() {
        Block first = head;
        for (Block block = head; block != null; block = block.next) {
            block.linked = false;
        }
        head = null;
        tail = null;
        return first;
    }

    /** Keeps a block that nobody looks at any more for the next use, as long as so many bytes are not kept. */
    void recycle(Block block, long maxBytes) {
        if (block.bytes.length == Block.SIZE && (free.size() + 1L) * Block.SIZE <= maxBytes) {
            block.clear();
            free.add(block);
        }
    }

    /** The block that holds the frame with this number, if any does; else another one or null. */
    Block holding(long number) {
        Block block = found != null && found.linked ? found : head;
        while (block != null && number < block.number(0)) {
            block = block.previous;
        }
        while (block != null && number > block.number(block.count() - 1)) {
            block = block.next;
        }
        found = block;
        return block;
    }
}

package io.fleettelemetry.datastore.nats.journal;

import java.util.ArrayDeque;

/** The blocks of a journal, oldest first, and those that wait to be used again. Guarded by the journal's lock. */
final class Blocks {

    private final ArrayDeque<Block> free = new ArrayDeque<>();
    private Block head;
    private Block tail;
    /** Bytes of all blocks in the list. */
    private long size;
    /** Where {@link #holding} found a frame last: answers mostly come in the order of the frames. */
    private Block found;

    /** The oldest block; null if there is none. */
    Block head() {
        return head;
    }

    /** Bytes that the blocks in the list hold, but for what is still to be used of the last one. */
    long held() {
        return tail == null ? 0 : size - tail.bytes.length + tail.length();
    }

    /** The last block if a frame of this length and making fits in, else a new one behind it. */
    Block last(int length, FrameEncoder encoder) {
        Block block = tail;
        if (!fits(block, length, encoder)) {
            block = link(fresh(length, encoder), null);
        }
        return block;
    }

    /** The block before this one if a frame of this length and making fits in, else a new one between them. */
    Block before(Block following, int length, FrameEncoder encoder) {
        Block block = following.previous;
        if (!fits(block, length, encoder)) {
            block = link(fresh(length, encoder), following);
        }
        return block;
    }

    private static boolean fits(Block block, int length, FrameEncoder encoder) {
        if (block == null || block.encoder != encoder || !block.hasRoomFor(length)) {
            return false;
        }
        block.reserve();
        return true;
    }

    private Block fresh(int length, FrameEncoder encoder) {
        Block block = length > Block.SIZE ? new Block(length) : free.poll();
        if (block == null) {
            block = new Block(Block.SIZE);
        }
        block.encoder = encoder;
        return block;
    }

    private Block link(Block block, Block following) {
        Block before = following == null ? tail : following.previous;
        block.linked = true;
        block.previous = before;
        block.next = following;
        if (before == null) {
            head = block;
        } else {
            before.next = block;
        }
        if (following == null) {
            tail = block;
        } else {
            following.previous = block;
        }
        size += block.bytes.length;
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
        size -= block.bytes.length;
    }

    /** Keeps a block that nobody looks at any more for the next use, as long as all blocks together have so many bytes. */
    void recycle(Block block, long maxBytes) {
        if (block.bytes.length == Block.SIZE && size + (free.size() + 1L) * Block.SIZE <= maxBytes) {
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
        while (block != null && number > block.lastNumber()) {
            block = block.next;
        }
        found = block;
        return block;
    }
}

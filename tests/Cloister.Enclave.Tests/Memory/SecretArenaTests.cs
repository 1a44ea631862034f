using Cloister.Enclave.Keys.Memory;

namespace Cloister.Enclave.Tests.Memory;

public sealed class SecretArenaTests
{
    [Fact]
    public void Holds_at_least_what_was_asked_for_and_says_when_it_is_full()
    {
        using SecretArena arena = new(10);
        Assert.True(arena.Capacity >= 10);
        List<SecretKey> keys = [];
        HashSet<string> seen = [];
        for (int i = 0; i < arena.Capacity; i++)
        {
            keys.Add(SecretKey.Generate(arena));
            seen.Add(keys[^1].Use(0, static (bytes, _) => Convert.ToHexString(bytes)));
        }

        Assert.Equal(arena.Capacity, seen.Count);
        Assert.Equal(arena.Capacity, arena.InUse);
        Assert.Throws<InvalidOperationException>(() => SecretKey.Generate(arena));
        keys[0].Dispose();
        using SecretKey another = SecretKey.Generate(arena);
        Assert.Throws<InvalidOperationException>(() => SecretKey.Generate(arena));
        keys.ForEach(key => key.Dispose());
        Assert.Equal(1, arena.InUse);
    }

    [Fact]
    public void A_slot_is_wiped_when_it_is_returned()
    {
        using SecretArena arena = new(1);
        int slot = arena.Take();
        arena.Slot(slot).Fill(0xA5);
        arena.Return(slot);
        Assert.Equal(new byte[SecretArena.SlotSize], arena.Slot(slot).ToArray());
        Assert.Equal(0, arena.InUse);
    }

    [Fact]
    public void Slots_do_not_overlap()
    {
        using SecretArena arena = new(200);
        int[] slots = [.. Enumerable.Range(0, arena.Capacity).Select(_ => arena.Take())];
        Assert.Equal(arena.Capacity, slots.Distinct().Count());
        foreach (int slot in slots)
        {
            arena.Slot(slot).Fill((byte)slot);
        }

        foreach (int slot in slots)
        {
            Assert.False(arena.Slot(slot).ContainsAnyExcept((byte)slot));
        }
    }

    [Fact]
    public void A_disposed_arena_gives_nothing_and_takes_keys_back_in_silence()
    {
        SecretArena arena = new(4);
        SecretKey key = SecretKey.Generate(arena);
        arena.Dispose();
        arena.Dispose();
        key.Dispose();
        Assert.Throws<ObjectDisposedException>(() => SecretKey.Generate(arena));
    }

    [Fact]
    public void The_kernel_leaves_it_out_of_core_dumps()
    {
        using SecretArena arena = new(4);
        Assert.True(arena.IsExcludedFromDumps);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void An_arena_without_slots_is_refused(int slots) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new SecretArena(slots));
}

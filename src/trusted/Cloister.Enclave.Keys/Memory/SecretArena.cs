using System.Security.Cryptography;
using Cloister.Enclave.Base;

namespace Cloister.Enclave.Keys.Memory;

/// <summary>
/// Memory for secrets outside the GC heap: one mapping of 32-byte slots, locked against swapping, left out of core dumps, not
/// inherited by a fork, between two pages that fault. A slot is wiped when it is returned. Source: mlock(2), madvise(2).
/// secrets: holds them; hands out slots only inside this assembly.
/// </summary>
public sealed unsafe class SecretArena : IDisposable
{
    /// <summary>Bytes of a slot.</summary>
    public const int SlotSize = 32;

    private readonly Lock _gate = new();
    private readonly Stack<int> _free;
    private readonly byte* _slots;
    private bool _disposed;

    /// <summary>Maps memory for at least <paramref name="slots"/> secrets.</summary>
    /// <exception cref="InvalidOperationException">The mapping was refused.</exception>
    public SecretArena(int slots)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(slots);
        nuint page = (nuint)Environment.SystemPageSize;
        nuint size = (((nuint)slots * SlotSize) + page - 1) / page * page;
        nuint mappingSize = size + (2 * page);
        nint mapping = LibC.Map(0, mappingSize, LibC.ProtNone, LibC.MapPrivateAnonymous, -1, 0);
        if (mapping == LibC.MapFailed || LibC.Protect(mapping + (nint)page, size, LibC.ProtReadWrite) != 0)
        {
            throw new InvalidOperationException($"no memory for {slots} secrets: the mapping of {mappingSize} bytes was refused");
        }

        _slots = (byte*)mapping + page;
        IsLocked = LibC.Lock((nint)_slots, size) == 0;
        IsExcludedFromDumps = LibC.Advise((nint)_slots, size, LibC.AdviseDontDump) == 0;
        LibC.Advise((nint)_slots, size, LibC.AdviseWipeOnFork);
        Capacity = (int)(size / SlotSize);
        _free = new Stack<int>(Capacity);
        for (int slot = Capacity - 1; slot >= 0; slot--)
        {
            _free.Push(slot);
        }
    }

    /// <summary>How many secrets fit.</summary>
    public int Capacity { get; }

    /// <summary>True when the kernel locked the memory against swapping.</summary>
    public bool IsLocked { get; }

    /// <summary>True when the kernel leaves the memory out of core dumps.</summary>
    public bool IsExcludedFromDumps { get; }

    /// <summary>Slots in use.</summary>
    public int InUse
    {
        get
        {
            lock (_gate)
            {
                return Capacity - _free.Count;
            }
        }
    }

    /// <summary>Wipes everything. The mapping stays: a caller that is late sees zeros, not a fault. Keys that are still held are gone.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            CryptographicOperations.ZeroMemory(new Span<byte>(_slots, Capacity * SlotSize));
        }
    }

    internal int Take()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _free.TryPop(out int slot)
                ? slot
                : throw new InvalidOperationException($"all {Capacity} secret slots are in use");
        }
    }

    internal Span<byte> Slot(int slot) => new(_slots + (slot * SlotSize), SlotSize);

    internal void Return(int slot)
    {
        lock (_gate)
        {
            if (!_disposed)
            {
                CryptographicOperations.ZeroMemory(Slot(slot));
                _free.Push(slot);
            }
        }
    }
}

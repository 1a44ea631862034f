using System.Security.Cryptography;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Keys.Memory;

namespace Cloister.Enclave.Custody;

/// <summary>
/// Unwrapped DEKs for reads: bounded, least recently used first out, wiped on eviction (but never under a caller that uses one: see
/// <see cref="SecretKey"/>). Callers that miss the same DEK at the same time share one fetch. Thread-safe. secrets: the DEKs.
/// </summary>
public sealed class DekCache : IDisposable
{
    private readonly Lock _gate = new();
    private readonly int _capacity;
    private readonly Dictionary<UInt256, LinkedListNode<Entry>> _entries = [];
    private readonly LinkedList<Entry> _byUse = [];
    private readonly Dictionary<UInt256, Task<SecretKey>> _fetches = [];
    private int _generation;

    /// <summary>A cache for at most <paramref name="capacity"/> DEKs.</summary>
    public DekCache(int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        _capacity = capacity;
    }

    /// <summary>DEKs that are here.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _entries.Count;
            }
        }
    }

    /// <summary>Puts a DEK in, which the cache owns from now on.</summary>
    public void Put(KeyFingerprint kek, ReadOnlySpan<byte> wrapped, SecretKey dek)
    {
        lock (_gate)
        {
            Insert(UInt256.Of(kek, wrapped), kek, dek);
        }
    }

    /// <summary>The DEK, from the cache or from <paramref name="fetch"/>. It may be wiped at any time by an eviction: then using it throws.</summary>
    /// <param name="kek">KEK that wraps it.</param>
    /// <param name="wrapped">The wrapped DEK.</param>
    /// <param name="fetch">Unwraps it; called once for all callers that wait for the same DEK.</param>
    /// <param name="cancellation">Ends this caller's wait, not the fetch.</param>
    public ValueTask<SecretKey> GetAsync(KeyFingerprint kek, ReadOnlySpan<byte> wrapped, Func<Task<SecretKey>> fetch, CancellationToken cancellation)
    {
        UInt256 name = UInt256.Of(kek, wrapped);
        Task<SecretKey>? pending;
        lock (_gate)
        {
            if (_entries.TryGetValue(name, out LinkedListNode<Entry>? node))
            {
                _byUse.Remove(node);
                _byUse.AddFirst(node);
                return ValueTask.FromResult(node.Value.Dek);
            }

            if (!_fetches.TryGetValue(name, out pending))
            {
                pending = FetchAsync(name, kek, fetch, _generation);
                if (!pending.IsCompleted)
                {
                    _fetches.Add(name, pending);
                }
            }
        }

        return new ValueTask<SecretKey>(pending.WaitAsync(cancellation));
    }

    /// <summary>Wipes everything; fetches under way are not kept.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            _generation++;
            foreach (Entry entry in _byUse)
            {
                entry.Dek.Dispose();
            }

            _byUse.Clear();
            _entries.Clear();
        }
    }

    /// <summary>Wipes the DEKs of all other KEKs; fetches under way are not kept.</summary>
    public void Keep(IReadOnlySet<KeyFingerprint> keks)
    {
        lock (_gate)
        {
            _generation++;
            foreach (Entry entry in _byUse.Where(entry => !keks.Contains(entry.Kek)).ToList())
            {
                Remove(entry);
            }
        }
    }

    /// <summary>Wipes everything.</summary>
    public void Dispose() => Clear();

    private async Task<SecretKey> FetchAsync(UInt256 name, KeyFingerprint kek, Func<Task<SecretKey>> fetch, int generation)
    {
        try
        {
            SecretKey dek = await fetch().ConfigureAwait(false);
            lock (_gate)
            {
                if (generation == _generation)
                {
                    Insert(name, kek, dek);
                }
                else
                {
                    dek.Dispose();
                }
            }

            return dek;
        }
        finally
        {
            lock (_gate)
            {
                _fetches.Remove(name);
            }
        }
    }

    private void Insert(UInt256 name, KeyFingerprint kek, SecretKey dek)
    {
        if (_entries.ContainsKey(name))
        {
            dek.Dispose();
            return;
        }

        _entries.Add(name, _byUse.AddFirst(new Entry(name, kek, dek)));
        if (_entries.Count > _capacity)
        {
            Remove(_byUse.Last!.Value);
        }
    }

    private void Remove(Entry entry)
    {
        if (_entries.Remove(entry.Name, out LinkedListNode<Entry>? node))
        {
            _byUse.Remove(node);
            entry.Dek.Dispose();
        }
    }

    private sealed record Entry(UInt256 Name, KeyFingerprint Kek, SecretKey Dek);

    // SHA-256 of fingerprint and wrapped DEK.
    private readonly record struct UInt256(UInt128 High, UInt128 Low)
    {
        internal static UInt256 Of(KeyFingerprint kek, ReadOnlySpan<byte> wrapped)
        {
            Span<byte> input = stackalloc byte[KeyFingerprint.Size + wrapped.Length];
            kek.CopyTo(input);
            wrapped.CopyTo(input[KeyFingerprint.Size..]);
            Span<byte> digest = stackalloc byte[32];
            SHA256.HashData(input, digest);
            return new UInt256(
                System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(digest),
                System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(digest[16..]));
        }
    }
}

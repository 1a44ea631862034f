using System.Security.Cryptography;
using Cloister.Enclave.Keys.Crypto;

namespace Cloister.Enclave.Keys.Memory;

/// <summary>
/// 32 bytes of key in a <see cref="SecretArena"/>. The bytes are seen only inside <see cref="Use"/>; disposing wipes them as soon as
/// nobody is inside any more, so that an eviction never wipes a key in use. secrets: is one; <c>ToString</c> shows none of it.
/// </summary>
public sealed class SecretKey : IDisposable
{
    /// <summary>Bytes of a key.</summary>
    public const int Size = SecretArena.SlotSize;

    private readonly SecretArena _arena;
    private readonly int _slot;

    // Holders: the owner counts one, every caller inside Use one. Wiped when it reaches zero.
    private int _holders = 1;
    private int _disposed;

    private SecretKey(SecretArena arena)
    {
        _arena = arena;
        _slot = arena.Take();
    }

    /// <summary>Runs with the key in clear.</summary>
    /// <typeparam name="TState">What the caller passes along, so that it need not capture.</typeparam>
    /// <typeparam name="TResult">What it returns; not the key.</typeparam>
    public delegate TResult Access<TState, TResult>(ReadOnlySpan<byte> key, TState state)
        where TState : allows ref struct;

    /// <summary>Makes a key of random bytes.</summary>
    public static SecretKey Generate(SecretArena arena)
    {
        SecretKey key = new(arena);
        KernelRandom.Fill(arena.Slot(key._slot));
        return key;
    }

    /// <summary>Takes over a key: copies exactly 32 bytes and wipes the source.</summary>
    /// <exception cref="ArgumentException">Another length.</exception>
    public static SecretKey TakeOver(SecretArena arena, Span<byte> source)
    {
        if (source.Length != Size)
        {
            throw new ArgumentException($"a key has {Size} bytes", nameof(source));
        }

        SecretKey key = new(arena);
        source.CopyTo(arena.Slot(key._slot));
        CryptographicOperations.ZeroMemory(source);
        return key;
    }

    /// <summary>Calls <paramref name="access"/> with the key.</summary>
    /// <exception cref="ObjectDisposedException">The key was wiped.</exception>
    public TResult Use<TState, TResult>(TState state, Access<TState, TResult> access)
        where TState : allows ref struct
    {
        Hold();
        try
        {
            return access(_arena.Slot(_slot), state);
        }
        finally
        {
            Release();
        }
    }

    /// <summary>Gives the key up. It is wiped now, or when the last caller leaves <see cref="Use"/>.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            Release();
        }
    }

    /// <summary>No bytes.</summary>
    public override string ToString() => "SecretKey (32 bytes)";

    private void Hold()
    {
        int holders = Volatile.Read(ref _holders);
        while (true)
        {
            ObjectDisposedException.ThrowIf(holders == 0 || Volatile.Read(ref _disposed) != 0, this);
            int seen = Interlocked.CompareExchange(ref _holders, holders + 1, holders);
            if (seen == holders)
            {
                return;
            }

            holders = seen;
        }
    }

    private void Release()
    {
        if (Interlocked.Decrement(ref _holders) == 0)
        {
            _arena.Return(_slot);
        }
    }
}

using System.Security.Cryptography;

namespace Cloister.Broker.State.Rows;

/// <summary>
/// The key that authenticates rows, of one database. Its owner keeps it wrapped among the settings.
/// secrets: holds the key in pinned memory, wiped when disposed.
/// </summary>
public sealed class RowKey : IDisposable
{
    /// <summary>Bytes of a key.</summary>
    public const int Size = 32;

    /// <summary>The version that is written into each change; another one is not known here.</summary>
    public const int Version = 1;

    private readonly byte[] _key = GC.AllocateArray<byte>(Size, pinned: true);

    /// <summary>Copies the key, 32 bytes.</summary>
    /// <exception cref="ArgumentException">Another length.</exception>
    public RowKey(ReadOnlySpan<byte> key)
    {
        if (key.Length != Size)
            throw new ArgumentException($"a key has {Size} bytes", nameof(key));
        key.CopyTo(_key);
    }

    /// <summary>HMAC-SHA-256.</summary>
    internal byte[] Mac(ReadOnlySpan<byte> message) => HMACSHA256.HashData(_key, message);

    /// <inheritdoc/>
    public void Dispose() => CryptographicOperations.ZeroMemory(_key);
}

using System.Security.Cryptography;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>
/// How the configuration, which is measured, binds authorities that are trusted: it holds them itself, or it pins what their file may hold, or it
/// leaves them to the host or to the broker. secrets: none.
/// </summary>
/// <param name="Pem">The authorities themselves; null when they are in a file.</param>
/// <param name="Digests">SHA-256 of what the file may hold, one of them; empty when it is not pinned.</param>
/// <param name="HostMaySwap">The configuration says that the host may swap the file.</param>
public sealed record CaBinding(string? Pem, IReadOnlyList<byte[]> Digests, bool HostMaySwap)
{
    /// <summary>A file that nothing binds.</summary>
    public static CaBinding None { get; } = new(null, [], false);

    /// <summary>The broker's policy names them.</summary>
    public static CaBinding Broker { get; } = new(null, [], false);

    /// <summary>True when the broker's policy names them.</summary>
    public bool IsOfBroker => ReferenceEquals(this, Broker);

    /// <summary>True when the host cannot swap the authorities.</summary>
    public bool IsBound => Pem is not null || Digests.Count > 0 || IsOfBroker;

    /// <summary>True for a file that may be used.</summary>
    /// <param name="file">What it holds.</param>
    public bool Accepts(ReadOnlySpan<byte> file)
    {
        byte[] digest = SHA256.HashData(file);
        return Digests.Count == 0 || Digests.Any(pin => pin.AsSpan().SequenceEqual(digest));
    }
}

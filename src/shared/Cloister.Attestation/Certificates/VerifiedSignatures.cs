using System.Buffers.Binary;
using System.Collections.Concurrent;

namespace Cloister.Attestation.Certificates;

/// <summary>
/// Remembers which certificate's key was found to have signed which certificate, so that a vendor's authorities cost their signatures once and not with every
/// report. It holds nothing else: roots, dates, names and revocation are looked at each time, and only this library adds to it. Safe to share between threads,
/// time and roots.
/// </summary>
public sealed class VerifiedSignatures
{
    private readonly ConcurrentDictionary<Pair, byte> _pairs = new();
    private readonly int _capacity;

    /// <summary>An empty memory.</summary>
    /// <param name="capacity">How many signatures it remembers; when there are more, it forgets all and starts anew.</param>
    public VerifiedSignatures(int capacity = 4096)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        _capacity = capacity;
    }

    /// <summary>How many signatures are remembered.</summary>
    public int Count => _pairs.Count;

    /// <summary>Whether <paramref name="issuer"/> signed <paramref name="certificate"/>: from memory, else by verifying, and then remembered.</summary>
    internal bool Verify(Certificate certificate, Certificate issuer)
    {
        Pair pair = new(Digest.Of(certificate), Digest.Of(issuer));
        if (_pairs.ContainsKey(pair))
        {
            return true;
        }

        if (!certificate.IsSignedBy(issuer))
        {
            return false;
        }

        if (_pairs.Count >= _capacity)
        {
            _pairs.Clear();
        }

        _pairs[pair] = 0;
        return true;
    }

    private readonly record struct Pair(Digest Certificate, Digest Issuer);

    private readonly record struct Digest(UInt128 High, UInt128 Low)
    {
        public static Digest Of(Certificate certificate)
        {
            ReadOnlySpan<byte> sha256 = certificate.Sha256.Span;
            return new Digest(BinaryPrimitives.ReadUInt128BigEndian(sha256), BinaryPrimitives.ReadUInt128BigEndian(sha256[16..]));
        }
    }
}

using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Cloister.Broker.Challenges;

/// <summary>
/// Makes and checks challenges that nobody stores: <c>time: 4 | random: 12 | tag: 16</c>, bound to a session and a kind of TEE. That one is used once
/// only is the state's part. Source: docs/broker-protocol.md, "Challenge". Thread-safe.
/// secrets: the challenge key, wiped by <see cref="Dispose"/>.
/// </summary>
public sealed class ChallengeSealer : IDisposable
{
    /// <summary>Length of a nonce, in bytes.</summary>
    public const int NonceSize = 32;

    /// <summary>Length of the challenge key, in bytes.</summary>
    public const int KeySize = 32;

    /// <summary>How long a challenge holds.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(60);

    private const int TimeSize = 4;
    private const int SealedSize = 16;
    private const int SessionSize = 32;

    // Brokers of one authority stand beside each other; their clocks may differ by this much.
    private const long ClockSkewSeconds = 5;

    private readonly byte[] _key;
    private readonly TimeProvider _clock;

    /// <summary>Seals with <paramref name="key"/>, which all brokers of an authority share.</summary>
    /// <exception cref="ArgumentException">Not 32 bytes.</exception>
    public ChallengeSealer(ReadOnlySpan<byte> key, TimeProvider clock)
    {
        if (key.Length != KeySize)
        {
            throw new ArgumentException($"a challenge key has {KeySize} bytes", nameof(key));
        }

        _key = key.ToArray();
        _clock = clock;
    }

    /// <summary>A name for a new session: 32 lower-case hex digits.</summary>
    public static string NewSession() => RandomNumberGenerator.GetHexString(SessionSize, lowercase: true);

    /// <summary>A challenge for a session and a kind of TEE: b64 of 32 bytes.</summary>
    /// <exception cref="ArgumentException">The session is no name of <see cref="NewSession"/>'s form.</exception>
    public string Seal(string session, string tee)
    {
        Span<byte> nonce = stackalloc byte[NonceSize];
        BinaryPrimitives.WriteUInt32BigEndian(nonce, (uint)_clock.GetUtcNow().ToUnixTimeSeconds());
        RandomNumberGenerator.Fill(nonce[TimeSize..SealedSize]);
        WriteTag(session, tee, nonce[..SealedSize], nonce[SealedSize..]);
        return Convert.ToBase64String(nonce);
    }

    /// <summary>Whether <paramref name="nonce"/> was made here for this session and TEE, and still holds. All refusals look alike.</summary>
    public bool Opens(string session, string tee, string nonce)
    {
        Span<byte> bytes = stackalloc byte[NonceSize];
        if (!IsSession(session) || nonce.Length != 44 || !Convert.TryFromBase64String(nonce, bytes, out int length) || length != NonceSize
            || Convert.ToBase64String(bytes) != nonce) // one form only: a challenge is used up by its text
        {
            return false;
        }

        Span<byte> tag = stackalloc byte[NonceSize - SealedSize];
        WriteTag(session, tee, bytes[..SealedSize], tag);
        bool authentic = CryptographicOperations.FixedTimeEquals(tag, bytes[SealedSize..]);
        long age = _clock.GetUtcNow().ToUnixTimeSeconds() - BinaryPrimitives.ReadUInt32BigEndian(bytes);
        return authentic && age >= -ClockSkewSeconds && age < (long)Lifetime.TotalSeconds;
    }

    /// <summary>A number that nobody outside can foresee, always the same for a text: which of <paramref name="count"/> stands in for something that is not there.</summary>
    public int Pick(string text, int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        Span<byte> digest = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(_key, [.. "cloister-stand-in-v1"u8, .. Encoding.UTF8.GetBytes(text)], digest);
        return (int)(BinaryPrimitives.ReadUInt32BigEndian(digest) % (uint)count);
    }

    /// <inheritdoc />
    public void Dispose() => CryptographicOperations.ZeroMemory(_key);

    private static bool IsSession(string session) => session.Length == SessionSize && session.All(char.IsAsciiHexDigitLower);

    private void WriteTag(string session, string tee, ReadOnlySpan<byte> sealedPart, Span<byte> tag)
    {
        if (!IsSession(session))
        {
            throw new ArgumentException("a session has 32 lower-case hex digits", nameof(session));
        }

        using IncrementalHash hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _key);
        hash.AppendData("cloister-challenge-v1"u8);
        hash.AppendData(Encoding.ASCII.GetBytes(session));
        hash.AppendData(Encoding.UTF8.GetBytes(tee));
        hash.AppendData(sealedPart);
        Span<byte> digest = stackalloc byte[HMACSHA256.HashSizeInBytes];
        hash.GetHashAndReset(digest);
        digest[..tag.Length].CopyTo(tag);
    }
}

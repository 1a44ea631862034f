using System.Buffers.Binary;
using System.Text;

namespace Cloister.Contracts.Envelope;

/// <summary>
/// What an EDEK is bound to besides its own header: purpose, cluster and provider name. An EDEK made in one context does not open
/// in another. The AAD is <c>prefix | header</c>, the prefix being the label and the three texts, each preceded by its length
/// (16 bits, big-endian). Source: docs/envelope-format.md, "AAD".
/// </summary>
public sealed class EnvelopeContext
{
    /// <summary>Purpose of what an API server or the gateway stores as <c>encryptedDEKSource</c>.</summary>
    public const string KmsPurpose = "kms";

    /// <summary>Purpose of a DEK that a remote KMS wraps.</summary>
    public const string DekPurpose = "dek";

    /// <summary>Purpose of what a remote KMS wraps only to see whether it unwraps it.</summary>
    public const string TrialPurpose = "trial";

    /// <summary>The most bytes each of purpose, cluster and provider may have.</summary>
    public const int MaxTextSize = 253;

    private const string Label = "cloister-edek-v1";

    private readonly byte[] _prefix;

    /// <summary>Makes the context.</summary>
    /// <exception cref="ArgumentException">A text is empty or too long.</exception>
    public EnvelopeContext(string purpose, string cluster, string provider)
    {
        Purpose = purpose;
        Cluster = cluster;
        Provider = provider;
        using MemoryStream prefix = new();
        Span<byte> length = stackalloc byte[2];
        foreach (string text in (ReadOnlySpan<string>)[Label, purpose, cluster, provider])
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            if (bytes.Length is 0 or > MaxTextSize)
            {
                throw new ArgumentException($"purpose, cluster and provider have 1 to {MaxTextSize} bytes each");
            }

            BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)bytes.Length);
            prefix.Write(length);
            prefix.Write(bytes);
        }

        _prefix = prefix.ToArray();
    }

    /// <summary>What the key is for.</summary>
    public string Purpose { get; }

    /// <summary>The cluster's identity, as configured.</summary>
    public string Cluster { get; }

    /// <summary>The encryption provider's name, part of the stored prefix.</summary>
    public string Provider { get; }

    /// <summary>The same cluster and provider for another purpose.</summary>
    public EnvelopeContext For(string purpose) => new(purpose, Cluster, Provider);

    /// <summary>Bytes that <see cref="WriteAad"/> writes for a header of that length.</summary>
    public int AadSize(int headerLength) => _prefix.Length + headerLength;

    /// <summary>Writes prefix and header.</summary>
    /// <returns>The AAD, a part of <paramref name="destination"/>.</returns>
    public ReadOnlySpan<byte> WriteAad(Span<byte> destination, ReadOnlySpan<byte> header)
    {
        _prefix.CopyTo(destination);
        header.CopyTo(destination[_prefix.Length..]);
        return destination[..AadSize(header.Length)];
    }
}

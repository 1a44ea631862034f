using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Attestation.Abi;
using Cloister.Attestation.Certificates;
using Cloister.Kbs;

namespace Cloister.Administration.Client;

/// <summary>
/// The key by which a broker is known: of its TLS certificate, which is marked for administration, or of the authority that signed that. Addresses, DNS
/// names and dates are not looked at.
/// Source: docs/broker-protocol.md, "Who the broker is". secrets: none.
/// </summary>
public sealed class BrokerPin
{
    private const string Prefix = "sha256:";

    private readonly byte[] _digest;

    private BrokerPin(byte[] digest) => _digest = digest;

    /// <summary>Reads <c>sha256:</c> and base64 of 32 bytes.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static BrokerPin Parse(string text)
    {
        byte[] digest = new byte[SHA256.HashSizeInBytes];
        return text.StartsWith(Prefix, StringComparison.Ordinal) && Convert.TryFromBase64String(text[Prefix.Length..], digest, out int length) && length == digest.Length
            ? new BrokerPin(digest)
            : throw new FormatException("a pin is sha256: and base64 of 32 bytes; the broker prints it when it starts");
    }

    /// <inheritdoc />
    public override string ToString() => Prefix + Convert.ToBase64String(_digest);

    /// <summary>Whether a TLS server is this broker's listener for administrators.</summary>
    internal bool Accepts(object? sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors) =>
        certificate is X509Certificate2 leaf && chain is not null && CertificateRole.Has(leaf, CertificateRole.Administration)
        && (IsPinned(leaf.PublicKey.ExportSubjectPublicKeyInfo()) || CertificateRole.Vouchers(leaf, [.. chain.ChainPolicy.ExtraStore], IsSignedBy).Any(IsPinned));

    private static bool IsSignedBy(X509Certificate2 leaf, X509Certificate2 issuer)
    {
        try
        {
            return Certificate.Parse(leaf.RawDataMemory).IsSignedBy(Certificate.Parse(issuer.RawDataMemory));
        }
        catch (EvidenceFormatException)
        {
            return false;
        }
    }

    private bool IsPinned(byte[] publicKeyInfo) => SHA256.HashData(publicKeyInfo).AsSpan().SequenceEqual(_digest);
}

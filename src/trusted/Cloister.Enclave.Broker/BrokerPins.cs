using System.Formats.Asn1;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Kbs;

namespace Cloister.Enclave.Broker;

/// <summary>
/// The keys by which an enclave knows its brokers: SHA-256 of SubjectPublicKeyInfo. A TLS server's certificate has to be marked for brokers besides:
/// the key that signs it may sign others. Addresses, DNS names and validity periods are not checked: the enclave's clock is the host's. Source: docs/broker-protocol.md, "Who the broker is". secrets: none.
/// </summary>
public sealed class BrokerPins
{
    private const string Prefix = "sha256:";
    private const string EcdsaWithSha256 = "1.2.840.10045.4.3.2";

    private readonly byte[][] _digests;

    /// <summary>Pins these digests.</summary>
    /// <param name="digests">32 bytes each, at least one.</param>
    public BrokerPins(IEnumerable<byte[]> digests)
    {
        _digests = [.. digests];
        if (_digests.Length == 0 || _digests.Any(digest => digest.Length != SHA256.HashSizeInBytes))
        {
            throw new ArgumentException("pins are one or more SHA-256 digests", nameof(digests));
        }
    }

    /// <summary>Reads <c>sha256:</c> and base64.</summary>
    /// <exception cref="FormatException">Anything else.</exception>
    public static byte[] ParsePin(string text)
    {
        byte[] digest = new byte[SHA256.HashSizeInBytes];
        return text.StartsWith(Prefix, StringComparison.Ordinal)
            && Convert.TryFromBase64String(text[Prefix.Length..], digest, out int length)
            && length == digest.Length
                ? digest
                : throw new FormatException("sha256: and the base64 of 32 bytes");
    }

    /// <summary>True when the key is pinned.</summary>
    /// <param name="publicKeyInfo">DER of SubjectPublicKeyInfo.</param>
    public bool Accept(ReadOnlySpan<byte> publicKeyInfo)
    {
        byte[] digest = SHA256.HashData(publicKeyInfo);
        return _digests.Any(pin => pin.AsSpan().SequenceEqual(digest));
    }

    /// <summary>True for a broker's certificate whose key is pinned, or for which one vouches whose certificate came with it.</summary>
    internal bool AcceptServer(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors) =>
        certificate is X509Certificate2 leaf
        && chain is not null
        && CertificateRole.Has(leaf, CertificateRole.Broker)
        && (Accept(leaf.PublicKey.ExportSubjectPublicKeyInfo()) || CertificateRole.Vouchers(leaf, [.. chain.ChainPolicy.ExtraStore], IsSigned).Any(key => Accept(key)));

    /// <summary>True when the issuer's key signed the leaf: ECDSA P-256 with SHA-256, as a broker's authorities sign.</summary>
    internal static bool IsSigned(X509Certificate2 leaf, X509Certificate2 issuer)
    {
        using ECDsa? key = issuer.GetECDsaPublicKey();
        try
        {
            AsnReader certificate = new AsnReader(leaf.RawDataMemory, AsnEncodingRules.DER).ReadSequence();
            ReadOnlyMemory<byte> content = certificate.ReadEncodedValue();
            string algorithm = certificate.ReadSequence().ReadObjectIdentifier();
            byte[] signature = certificate.ReadBitString(out int unused);
            return key is not null
                && algorithm == EcdsaWithSha256
                && unused == 0
                && key.VerifyData(content.Span, signature, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        }
        catch (Exception e) when (e is AsnContentException or CryptographicException)
        {
            return false;
        }
    }
}

using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Cloister.Kbs;

/// <summary>
/// What a TLS certificate may be used as: a URI among its names, with the key usage that belongs to it. A certificate without the URI of a role is
/// not accepted in that role, whoever signed it and whichever key it has. Source: docs/broker-protocol.md, "Roles of certificates".
/// </summary>
public static class CertificateRole
{
    /// <summary>A broker, towards enclaves and guests.</summary>
    public const string Broker = "urn:cloister:broker";

    /// <summary>A broker, towards administrators.</summary>
    public const string Administration = "urn:cloister:administration";

    /// <summary>An administrator.</summary>
    public const string Administrator = "urn:cloister:administrator";

    /// <summary>A gateway, towards API servers.</summary>
    public const string Gateway = "urn:cloister:gateway";

    /// <summary>A key that signs leases.</summary>
    public const string LeaseSigner = "urn:cloister:leases";

    /// <summary>An authority's key, which may certify others, and the key that follows it.</summary>
    public const string Authority = "urn:cloister:authority";

    private const int MaxAuthorities = 8;
    private const string DocumentSigning = "1.3.6.1.5.5.7.3.36";
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    private static readonly Asn1Tag UniformResourceIdentifier = new(TagClass.ContextSpecific, 6);

    /// <summary>The extended key usage that belongs to a role.</summary>
    public static string UsageOf(string role) => role switch
    {
        Administrator => ClientAuthentication,
        LeaseSigner or Authority => DocumentSigning,
        _ => ServerAuthentication,
    };

    /// <summary>True when the certificate is marked for the role: URI and extended key usage. False for an authority's.</summary>
    public static bool Has(X509Certificate2 certificate, string role) => Has(certificate, role, isAuthority: false);

    /// <summary>
    /// The keys that vouch for a certificate, the nearest first: each signed the one before it, and each but the last is an authority's that was
    /// certified by the one that it followed. Empty when nothing that was sent signed it. Source: docs/broker-protocol.md, "Who the broker is".
    /// </summary>
    /// <param name="leaf">The certificate.</param>
    /// <param name="sent">What came with it.</param>
    /// <param name="isSigned">Whether the second signed the first.</param>
    /// <returns>DER of SubjectPublicKeyInfo, at most 8.</returns>
    public static IReadOnlyList<byte[]> Vouchers(X509Certificate2 leaf, IReadOnlyCollection<X509Certificate2> sent, Func<X509Certificate2, X509Certificate2, bool> isSigned)
    {
        List<byte[]> keys = [];
        X509Certificate2? current = leaf;
        while (current is not null && keys.Count < MaxAuthorities)
        {
            X509Certificate2? issuer = sent.FirstOrDefault(one => !keys.Exists(KeyOf(one).SequenceEqual) && isSigned(current, one));
            if (issuer is not null)
            {
                keys.Add(KeyOf(issuer));
            }

            current = issuer is not null && Has(issuer, Authority, isAuthority: true) ? issuer : null;
        }

        return keys;
    }

    private static byte[] KeyOf(X509Certificate2 certificate) => certificate.PublicKey.ExportSubjectPublicKeyInfo();

    private static bool Has(X509Certificate2 certificate, string role, bool isAuthority)
    {
        try
        {
            return certificate.Extensions.OfType<X509BasicConstraintsExtension>().Any(constraints => constraints.CertificateAuthority) == isAuthority
                && certificate.Extensions.OfType<X509EnhancedKeyUsageExtension>().Any(usages => usages.EnhancedKeyUsages[UsageOf(role)] is not null)
                && certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().Any(names => Uris(names).Contains(role));
        }
        catch (Exception e) when (e is CryptographicException or AsnContentException)
        {
            return false;
        }
    }

    private static List<string> Uris(X509SubjectAlternativeNameExtension extension)
    {
        List<string> uris = [];
        AsnReader names = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
        while (names.HasData)
        {
            if (names.PeekTag().HasSameClassAndValue(UniformResourceIdentifier))
            {
                uris.Add(names.ReadCharacterString(UniversalTagNumber.IA5String, UniformResourceIdentifier));
            }
            else
            {
                names.ReadEncodedValue();
            }
        }

        return uris;
    }
}

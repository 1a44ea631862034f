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

    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    private static readonly Asn1Tag UniformResourceIdentifier = new(TagClass.ContextSpecific, 6);

    /// <summary>The extended key usage that belongs to a role.</summary>
    public static string UsageOf(string role) => role == Administrator ? ClientAuthentication : ServerAuthentication;

    /// <summary>True when the certificate is marked for the role: URI and extended key usage. False for an authority's.</summary>
    public static bool Has(X509Certificate2 certificate, string role)
    {
        try
        {
            return !certificate.Extensions.OfType<X509BasicConstraintsExtension>().Any(constraints => constraints.CertificateAuthority)
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

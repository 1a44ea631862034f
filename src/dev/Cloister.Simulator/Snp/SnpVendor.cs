using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Cloister.Attestation.Abi.Snp;

namespace Cloister.Simulator.Snp;

/// <summary>
/// An imitated AMD for one product line: ARK, ASK and ASVK with the names, key types and extensions of the real ones, and endorsement
/// keys and revocation lists on request. Nothing it makes verifies unless its ARK is named as a root.
/// </summary>
public sealed class SnpVendor
{
    private readonly SnpAuthorityKeys _keys;
    private readonly DateTimeOffset _notBefore;
    private readonly DateTimeOffset _notAfter;

    /// <summary>Makes the certificates of the authorities.</summary>
    /// <param name="product">Product line.</param>
    /// <param name="keys">Keys; stay the caller's.</param>
    /// <param name="notBefore">First moment of validity of everything, unless a request says otherwise.</param>
    /// <param name="notAfter">Last moment of validity.</param>
    public SnpVendor(SnpProductLine product, SnpAuthorityKeys keys, DateTimeOffset notBefore, DateTimeOffset notAfter)
    {
        Product = product;
        _keys = keys;
        _notBefore = notBefore;
        _notAfter = notAfter;
        Ark = IssueAuthority(SnpProductNames.RootOf(product), keys.Ark, pathLength: null, serial: 0x10);
        Ask = IssueAuthority(SnpProductNames.IssuerOf(product, SnpSigningKey.Vcek), keys.Ask, pathLength: 0, AskSerial);
        Asvk = IssueAuthority(SnpProductNames.IssuerOf(product, SnpSigningKey.Vlek), keys.Asvk, pathLength: 0, AsvkSerial);
    }

    /// <summary>Serial number of the ASK's certificate, for revocation lists.</summary>
    public static byte AskSerial => 0x11;

    /// <summary>Serial number of the ASVK's certificate, for revocation lists.</summary>
    public static byte AsvkSerial => 0x12;

    /// <summary>The product line.</summary>
    public SnpProductLine Product { get; }

    /// <summary>Root certificate, DER.</summary>
    public byte[] Ark { get; }

    /// <summary>Certificate of the issuer of VCEKs, DER.</summary>
    public byte[] Ask { get; }

    /// <summary>Certificate of the issuer of VLEKs, DER.</summary>
    public byte[] Asvk { get; }

    /// <summary>All three, in the order AMD and others ship them: ASK, ARK, ASVK.</summary>
    public IReadOnlyList<byte[]> Authorities => [Ask, Ark, Asvk];

    /// <summary><see cref="Authorities"/> as PEM.</summary>
    public string ChainPem => string.Join('\n', Authorities.Select(der => PemEncoding.WriteString("CERTIFICATE", der))) + "\n";

    /// <summary>Makes an endorsement key and its certificate.</summary>
    /// <param name="request">What the certificate is to say.</param>
    public SnpEndorsement IssueEndorsement(SnpEndorsementRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        ECDsa key = ECDsa.Create(request.WithP256Key ? ECCurve.NamedCurves.nistP256 : ECCurve.NamedCurves.nistP384);
        CertificateRequest certificate = new(
            NameOf(request.CommonName ?? SnpProductNames.CertificateOf(request.Kind)), new PublicKey(key), HashAlgorithmName.SHA384);
        foreach ((string arcs, byte[] value) in Extensions(request))
        {
            certificate.CertificateExtensions.Add(new X509Extension("1.3.6.1.4.1.3704.1." + arcs, value, critical: false));
        }

        if (request.WithUnknownCriticalExtension)
        {
            certificate.CertificateExtensions.Add(new X509Extension("1.3.6.1.4.1.3704.99", [5, 0], critical: true));
        }

        bool byAsvk = request.Kind == SnpSigningKey.Vlek != request.WrongIssuer;
        using X509Certificate2 issued = certificate.Create(
            NameOf(SnpProductNames.IssuerOf(Product, byAsvk ? SnpSigningKey.Vlek : SnpSigningKey.Vcek)),
            Signer(byAsvk ? _keys.Asvk : _keys.Ask),
            request.NotBefore ?? _notBefore,
            request.NotAfter ?? _notAfter,
            [0]);
        return new SnpEndorsement(key, issued.RawData);
    }

    /// <summary>Makes a revocation list, signed by the ARK.</summary>
    /// <param name="thisUpdate">When it is issued.</param>
    /// <param name="nextUpdate">When the next one is due.</param>
    /// <param name="revokedSerials">Serial numbers of one byte.</param>
    public byte[] IssueRevocationList(DateTimeOffset thisUpdate, DateTimeOffset nextUpdate, params byte[] revokedSerials)
    {
        ArgumentNullException.ThrowIfNull(revokedSerials);
        CertificateRevocationListBuilder builder = new();
        foreach (byte serial in revokedSerials)
        {
            builder.AddEntry([serial], thisUpdate);
        }

        return builder.Build(
            NameOf(SnpProductNames.RootOf(Product)), Signer(_keys.Ark), 1, nextUpdate, HashAlgorithmName.SHA384,
            X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier([1, 2, 3, 4]), thisUpdate);
    }

    private byte[] IssueAuthority(string commonName, RSA key, int? pathLength, byte serial)
    {
        CertificateRequest request = new(NameOf(commonName), key, HashAlgorithmName.SHA384, RSASignaturePadding.Pss);
        bool isRoot = pathLength is null;
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, !isRoot, pathLength ?? 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | (isRoot ? X509KeyUsageFlags.CrlSign : 0), true));
        using X509Certificate2 issued = request.Create(NameOf(SnpProductNames.RootOf(Product)), Signer(_keys.Ark), _notBefore, _notAfter, [serial]);
        return issued.RawData;
    }

    private IEnumerable<(string Arcs, byte[] Value)> Extensions(SnpEndorsementRequest request)
    {
        SortedDictionary<string, byte[]> extensions = new(StringComparer.Ordinal)
        {
            ["1"] = Integer(SnpProduct.Of(Product).HasFmc ? (byte)1 : (byte)0),
            ["2"] = Text(request.ProductName ?? SnpProductNames.NameOf(Product)),
            ["3.1"] = Integer(request.Tcb.Bootloader),
            ["3.2"] = Integer(request.Tcb.Tee),
            ["3.3"] = Integer(request.Tcb.Snp),
            ["3.4"] = Integer(0),
            ["3.5"] = Integer(0),
            ["3.6"] = Integer(0),
            ["3.7"] = Integer(0),
            ["3.8"] = Integer(request.Tcb.Microcode),
        };
        if (request.WithFmc ?? SnpProduct.Of(Product).HasFmc)
        {
            extensions["3.9"] = Integer(request.Tcb.Fmc);
        }

        if (request.HardwareId is { } hardwareId && (request.Kind == SnpSigningKey.Vcek || request.ForceBothIds))
        {
            extensions["4"] = hardwareId;
        }

        if (request.Kind == SnpSigningKey.Vlek || request.ForceBothIds)
        {
            extensions["5"] = Text(request.CspId);
        }

        foreach ((string arcs, byte[] value) in request.Replace)
        {
            extensions[arcs] = value;
        }

        return extensions.Where(e => !request.Omit.Contains(e.Key)).Select(e => (e.Key, e.Value));
    }

    private static X509SignatureGenerator Signer(RSA key) => X509SignatureGenerator.CreateForRSA(key, RSASignaturePadding.Pss);

    private static byte[] Integer(byte value) => value < 0x80 ? [2, 1, value] : [2, 2, 0, value];

    private static byte[] Text(string value) => [0x16, (byte)value.Length, .. Encoding.ASCII.GetBytes(value)];

    private static X500DistinguishedName NameOf(string commonName)
    {
        X500DistinguishedNameBuilder builder = new();
        builder.AddOrganizationalUnitName("Engineering");
        builder.AddOrganizationName("Cloister simulator, not Advanced Micro Devices");
        builder.AddCommonName(commonName);
        return builder.Build();
    }
}

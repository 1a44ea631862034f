using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Cloister.Simulator.Nitro;

/// <summary>
/// An imitated AWS: root, regional, zonal and instance authority with the names, lifetimes and extensions of the real ones, and
/// certificates for enclaves on request. Nothing it makes verifies unless its root is named as one.
/// </summary>
public sealed class NitroVendor : IDisposable
{
    private readonly List<ECDsa> _keys = [];
    private readonly List<X500DistinguishedName> _names = [];
    private readonly List<byte[]> _bundle = [];

    /// <summary>Makes the authorities.</summary>
    /// <param name="at">A moment at which all of them are valid.</param>
    /// <param name="authorities">How many, root included; the real ones are four.</param>
    /// <param name="pathLengthSlack">Added to each path length; negative ones break the chain.</param>
    public NitroVendor(DateTimeOffset at, int authorities = 4, int pathLengthSlack = 0)
    {
        At = at;
        for (int depth = 0; depth < authorities; depth++)
        {
            _keys.Add(ECDsa.Create(ECCurve.NamedCurves.nistP384));
            _names.Add(NameOf(depth == 0 ? "simulated.nitro-enclaves" : $"authority{depth}.simulated.nitro-enclaves"));
            _bundle.Add(IssueAuthority(depth, authorities, pathLengthSlack));
        }
    }

    /// <summary>A moment at which all authorities are valid.</summary>
    public DateTimeOffset At { get; }

    /// <summary>Root certificate, DER.</summary>
    public byte[] Root => _bundle[0];

    /// <summary>The bundle that goes into documents: root first, issuer of the enclave's certificate last.</summary>
    public IReadOnlyList<byte[]> Bundle => _bundle;

    /// <summary>Makes an enclave's key and certificate.</summary>
    /// <param name="request">What the certificate is to say.</param>
    public NitroSigner IssueSigner(NitroSignerRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        ECDsa key = ECDsa.Create(request.WithP256Key ? ECCurve.NamedCurves.nistP256 : ECCurve.NamedCurves.nistP384);
        CertificateRequest certificate = new(NameOf("i-0simulated-enc0.simulated.aws"), new PublicKey(key), HashAlgorithmName.SHA384);
        certificate.CertificateExtensions.Add(new X509BasicConstraintsExtension(request.IsAuthority, false, 0, true));
        certificate.CertificateExtensions.Add(new X509KeyUsageExtension(request.KeyUsage, false));
        if (request.WithUnknownCriticalExtension)
        {
            certificate.CertificateExtensions.Add(new X509Extension("1.3.6.1.4.1.3704.99", [5, 0], critical: true));
        }

        using X509Certificate2 issued = certificate.Create(
            _names[^1],
            X509SignatureGenerator.CreateForECDsa(_keys[^1]),
            request.NotBefore ?? At.AddSeconds(-3),
            request.NotAfter ?? At.AddHours(3),
            [0x21, 0x22]);
        return new NitroSigner(key, issued.RawData);
    }

    /// <summary>Makes a revocation list of one authority.</summary>
    /// <param name="depth">0 for the root.</param>
    /// <param name="thisUpdate">When it is issued.</param>
    /// <param name="nextUpdate">When the next one is due.</param>
    /// <param name="revoked">Certificates it revokes, DER.</param>
    public byte[] IssueRevocationList(int depth, DateTimeOffset thisUpdate, DateTimeOffset nextUpdate, params byte[][] revoked)
    {
        ArgumentNullException.ThrowIfNull(revoked);
        CertificateRevocationListBuilder builder = new();
        foreach (byte[] der in revoked)
        {
            using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(der);
            builder.AddEntry(certificate.SerialNumberBytes.Span, thisUpdate);
        }

        return builder.Build(
            _names[depth], X509SignatureGenerator.CreateForECDsa(_keys[depth]), 1, nextUpdate, HashAlgorithmName.SHA384,
            X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier([1, 2, 3, 4]), thisUpdate);
    }

    /// <inheritdoc />
    public void Dispose() => _keys.ForEach(key => key.Dispose());

    private byte[] IssueAuthority(int depth, int authorities, int pathLengthSlack)
    {
        int issuer = Math.Max(depth - 1, 0);
        bool isRoot = depth == 0;
        CertificateRequest request = new(_names[depth], _keys[depth], HashAlgorithmName.SHA384);
        int pathLength = Math.Max(authorities - 1 - depth + pathLengthSlack, 0);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, !isRoot, isRoot ? 0 : pathLength, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        using X509Certificate2 issued = request.Create(
            _names[issuer],
            X509SignatureGenerator.CreateForECDsa(_keys[issuer]),
            isRoot ? At.AddYears(-5) : At.AddDays(-1),
            isRoot ? At.AddYears(25) : At.AddDays(1),
            [0x11, (byte)depth]);
        return issued.RawData;
    }

    private static X500DistinguishedName NameOf(string commonName)
    {
        X500DistinguishedNameBuilder builder = new();
        builder.AddOrganizationName("Cloister simulator, not Amazon");
        builder.AddCommonName(commonName);
        return builder.Build();
    }
}

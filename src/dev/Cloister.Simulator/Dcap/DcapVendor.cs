using System.Security.Cryptography.X509Certificates;
using System.Text;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Verify.Dcap;

namespace Cloister.Simulator.Dcap;

/// <summary>
/// An imitated Intel: root, Processor and Platform CA, TCB signing; platforms and collateral on request. Nothing it makes verifies unless its root is named as one.
/// </summary>
public sealed class DcapVendor : IDisposable
{
    private const string Separator = "# ----\n";

    private DcapVendor(DcapAuthority root, DcapAuthority processorCa, DcapAuthority platformCa, DcapAuthority tcbSigning)
    {
        Root = root;
        ProcessorCa = processorCa;
        PlatformCa = platformCa;
        TcbSigning = tcbSigning;
    }

    /// <summary>The root.</summary>
    public DcapAuthority Root { get; }

    /// <summary>Issues PCK certificates of single-package platforms.</summary>
    public DcapAuthority ProcessorCa { get; }

    /// <summary>Issues PCK certificates of platforms with an instance id.</summary>
    public DcapAuthority PlatformCa { get; }

    /// <summary>Signs collateral.</summary>
    public DcapAuthority TcbSigning { get; }

    /// <summary>The root as the only trust anchor.</summary>
    public TrustAnchors Anchors => TrustAnchors.Of(Root.Certificate);

    /// <summary>Makes the authorities, valid from <paramref name="from"/> for 20 years.</summary>
    public static DcapVendor Create(DateTimeOffset from)
    {
        DateTimeOffset until = from.AddYears(20);
        DcapAuthority root = DcapAuthority.CreateRoot("Simulated SGX Root CA", from, until);
        return new DcapVendor(
            root,
            root.Issue("Simulated SGX PCK Processor CA", isAuthority: true, from, until),
            root.Issue("Simulated SGX PCK Platform CA", isAuthority: true, from, until),
            root.Issue("Simulated SGX TCB Signing", isAuthority: false, from, until));
    }

    /// <summary>Restores a vendor from <see cref="Export"/>.</summary>
    public static DcapVendor Import(string exported)
    {
        ArgumentNullException.ThrowIfNull(exported);
        string[] parts = exported.Split(Separator);
        return parts.Length == 4
            ? new DcapVendor(DcapAuthority.Import(parts[0]), DcapAuthority.Import(parts[1]), DcapAuthority.Import(parts[2]), DcapAuthority.Import(parts[3]))
            : throw new FormatException("Not an exported simulated vendor.");
    }

    /// <summary>All keys and certificates, so that another process can be the same vendor. A development secret.</summary>
    public string Export() => string.Join(Separator, Root.Export(), ProcessorCa.Export(), PlatformCa.Export(), TcbSigning.Export());

    /// <summary>Makes a platform with its PCK certificate.</summary>
    public DcapPlatform NewPlatform(DcapPlatformRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        DcapAuthority ca = request.IssuedByPlatformCa ? PlatformCa : ProcessorCa;
        X509Extension extension = new(PckExtensionWriter.Oid, PckExtensionWriter.Write(request), critical: false);
        DateTimeOffset from = request.PckNotBefore ?? ca.Certificate.NotBefore;
        DcapAuthority pck = ca.Issue(request.PckCommonName, isAuthority: false, from, request.PckNotAfter ?? from.AddYears(7), extension);
        return new DcapPlatform(request, pck, [pck.Certificate, ca.Certificate, Root.Certificate]);
    }

    /// <summary>Makes the collateral for a platform.</summary>
    public DcapCollateral NewCollateral(DcapPlatform platform, DcapCollateralRequest request)
    {
        ArgumentNullException.ThrowIfNull(platform);
        ArgumentNullException.ThrowIfNull(request);
        DcapAuthority ca = request.CrlOfOtherAuthority != platform.Request.IssuedByPlatformCa ? PlatformCa : ProcessorCa;
        return new DcapCollateral
        {
            TcbInfo = TcbInfoWriter.Write(platform.Request, request, TcbSigning),
            QeIdentity = QeIdentityWriter.Write(request, request.QeSigner ?? TcbSigning),
            TcbSigningChain = Pem(TcbSigning.Certificate, Root.Certificate),
            QeIdentityChain = request.QeSigner is { } qe ? Pem(qe.Certificate, Root.Certificate) : default,
            PckCrl = ca.IssueCrl(request.CrlThisUpdate ?? request.IssueDate, request.CrlNextUpdate ?? request.NextUpdate, request.RevokePck ? [platform.PckChain[0]] : []),
            PckCrlIssuerChain = Pem(ca.Certificate, Root.Certificate),
            RootCaCrl = Root.IssueCrl(
                request.RootCrlThisUpdate ?? request.IssueDate, request.RootCrlNextUpdate ?? request.NextUpdate,
                [.. request.RevokePckAuthority ? [ca.Certificate] : Array.Empty<Certificate>(), .. request.RevokeTcbSigning ? [TcbSigning.Certificate] : Array.Empty<Certificate>(), .. request.RevokeQeSigner ? [request.QeSigner!.Certificate] : Array.Empty<Certificate>()]),
            PckChain = request.WithPckChain ? Pem([.. platform.PckChain]) : default,
        };
    }

    /// <summary>Certificates in PEM, one after the other.</summary>
    public static byte[] Pem(params IReadOnlyList<Certificate> chain)
    {
        ArgumentNullException.ThrowIfNull(chain);
        return Encoding.ASCII.GetBytes(string.Concat(chain.Select(DcapAuthority.PemOf)));
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Root.Dispose();
        ProcessorCa.Dispose();
        PlatformCa.Dispose();
        TcbSigning.Dispose();
    }
}

using System.Text;
using Cloister.Attestation;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Collateral;
using Cloister.Simulator.Dcap;
using TeeKind = Cloister.Attestation.Tee;

namespace Cloister.Tee.Tests.Support;

/// <summary>An imitated Intel with one platform, and the verifier that trusts its root.</summary>
internal sealed class DcapMint
{
    internal static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly DcapVendor _vendor;

    internal DcapMint(DateTimeOffset? from = null)
    {
        _vendor = DcapVendor.Create(from ?? Now.AddYears(-1));
        Platform = _vendor.NewPlatform(new DcapPlatformRequest());
    }

    internal DcapPlatform Platform { get; }

    internal string RootPem => Encoding.ASCII.GetString(DcapVendor.Pem(_vendor.Root.Certificate));

    internal VerificationResult Verify(TeeKind tee, byte[] quote)
    {
        DcapCollateral collateral = _vendor.NewCollateral(Platform, new DcapCollateralRequest { Tee = tee, IssueDate = Now.AddDays(-10), NextUpdate = Now.AddDays(20) });
        return DcapVerifier.Verify(tee, quote, collateral, _vendor.Anchors, VerificationTime.At(Now));
    }

    /// <summary>The same model, not updated since a hole was found: its level is in the collateral that <see cref="WriteCollateral"/> writes.</summary>
    internal DcapPlatform NewStalePlatform() => _vendor.NewPlatform(Stale(Platform.Request));

    /// <summary>Writes what a broker needs to verify quotes of this vendor.</summary>
    /// <param name="folder">The broker's collateral.</param>
    /// <param name="tee">SGX or TDX.</param>
    /// <param name="issued">When it was issued; good for 30 days.</param>
    internal void WriteCollateral(string folder, TeeKind tee, DateTimeOffset issued)
    {
        byte[] tdx = tee == TeeKind.Tdx ? [5, 0, 2, .. new byte[13]] : [];
        DcapPlatformRequest good = Platform.Request;
        DcapPlatformRequest stale = Stale(good);
        DcapCollateral made = _vendor.NewCollateral(Platform, new DcapCollateralRequest
        {
            Tee = tee,
            IssueDate = issued,
            NextUpdate = issued.AddDays(30),
            Levels =
            [
                new SimulatedTcbLevel(good.TcbComponents.ToArray(), good.PceSvn, tdx, "UpToDate"),
                new SimulatedTcbLevel(stale.TcbComponents.ToArray(), stale.PceSvn, tdx, "OutOfDate", "INTEL-SA-09002"),
            ],
        });
        DcapCollateralKey key = DcapCollateralKey.FromQuote(Platform.QuoteSgx(new EnclaveReportFields())) with { Tee = tee };
        DirectoryInfo directory = Directory.CreateDirectory(Path.Combine(folder, DirectoryCollateralSource.NameOf(key)));
        foreach ((string name, ReadOnlyMemory<byte> content) in ((string, ReadOnlyMemory<byte>)[])[
            ("tcb_info.json", made.TcbInfo), ("qe_identity.json", made.QeIdentity), ("tcb_signing_chain.pem", made.TcbSigningChain),
            ("pck_crl.der", made.PckCrl), ("pck_crl_issuer_chain.pem", made.PckCrlIssuerChain), ("root_ca_crl.der", made.RootCaCrl)])
        {
            File.WriteAllBytes(Path.Combine(directory.FullName, name), content.ToArray());
        }
    }

    private static DcapPlatformRequest Stale(DcapPlatformRequest good)
    {
        byte[] components = good.TcbComponents.ToArray();
        components[0]--;
        return good with { TcbComponents = components };
    }
}

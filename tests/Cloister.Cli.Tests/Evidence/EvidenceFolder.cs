using Cloister.Attestation;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Simulator.Dcap;

namespace Cloister.Cli.Tests.Evidence;

/// <summary>Minted SGX or TDX evidence with its collateral as files, by the names that the command looks for.</summary>
internal sealed class EvidenceFolder : IDisposable
{
    internal const string At = "2026-03-01T00:00:00Z";

    private static readonly DateTimeOffset Now = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DcapVendor Vendor = DcapVendor.Create(Now.AddYears(-1));
    private static readonly DcapPlatform Platform = Vendor.NewPlatform(new DcapPlatformRequest());

    internal EvidenceFolder(Tee tee, DcapCollateralRequest? request = null)
    {
        Path = Directory.CreateTempSubdirectory("cloister-evidence-").FullName;
        DcapCollateral collateral = Vendor.NewCollateral(Platform, (request ?? new DcapCollateralRequest { IssueDate = Now.AddDays(-1), NextUpdate = Now.AddDays(29) }) with { Tee = tee });
        Write("quote.bin", tee == Tee.Sgx ? Platform.QuoteSgx(new EnclaveReportFields { MrEnclave = Filled(32) }) : Platform.QuoteTdx(new TdReportFields { MrTd = Filled(48) }));
        Write("tcb_info.json", collateral.TcbInfo);
        Write("qe_identity.json", collateral.QeIdentity);
        Write("tcb_signing_chain.pem", collateral.TcbSigningChain);
        Write("pck_crl.der", collateral.PckCrl);
        Write("pck_crl_issuer_chain.pem", collateral.PckCrlIssuerChain);
        Write("root_ca_crl.der", collateral.RootCaCrl);
        Write("root.der", Vendor.Root.Certificate.Der);
    }

    internal static DcapCollateralRequest OutOfDate => new()
    {
        IssueDate = Now.AddDays(-1),
        NextUpdate = Now.AddDays(29),
        Levels = [new SimulatedTcbLevel(new byte[16], 0, [], "OutOfDate", "INTEL-SA-00002", "INTEL-SA-00001")],
    };

    internal string Path { get; }

    internal string File(string name) => System.IO.Path.Combine(Path, name);

    internal void Write(string name, ReadOnlyMemory<byte> bytes) => System.IO.File.WriteAllBytes(File(name), bytes.Span);

    internal string[] Verify(string tee, params string[] more) =>
        ["evidence", "verify", "--tee", tee, "--evidence", File("quote.bin"), "--collateral", Path, "--root", File("root.der"), "--at", At, "--output", "json", .. more];

    public void Dispose() => Directory.Delete(Path, recursive: true);

    private static byte[] Filled(int length) => [.. Enumerable.Repeat((byte)0xE1, length)];
}

using System.Text;
using Cloister.Enclave.Tees.Sgx;
using Cloister.Simulator.Dcap;

namespace Cloister.Tee.Tests.Support;

/// <summary>An SGX enclave under Gramine: /dev/attestation with quotes of a simulated platform.</summary>
internal sealed class GramineMachine : FakeMachine
{
    private byte[] _userReportData = new byte[64];

    internal GramineMachine(DcapMint? vendor = null)
    {
        Vendor = vendor ?? new DcapMint();
        Quote = reportData => Vendor.Platform.QuoteSgx(Enclave with { ReportData = reportData });
        this[GramineFiles.AttestationType].OnRead = () => Encoding.ASCII.GetBytes(Type);
        this[GramineFiles.MyTargetInfo].OnRead = TargetInfo;
        this[GramineFiles.UserReportData].OnWrite = written => _userReportData = written;
        this[GramineFiles.Quote].OnRead = () => Quote(_userReportData);
        this[GramineFiles.EnclaveKey].OnRead = () => EnclaveKey;
        this[GramineFiles.SignerKey].OnRead = () => SignerKey;
    }

    internal DcapMint Vendor { get; }

    internal string Type { get; set; } = "dcap";

    /// <summary>What this enclave is.</summary>
    internal EnclaveReportFields Enclave { get; set; } = new() { MrEnclave = Sample.Bytes(32, 0xE1), MrSigner = Sample.Bytes(32, 0x51), IsvProdId = 7, IsvSvn = 3 };

    internal byte[] EnclaveKey { get; set; } = Sample.Bytes(16, 0xAA);

    internal byte[] SignerKey { get; set; } = Sample.Bytes(16, 0xBB);

    /// <summary>Makes the quote for report data; tests replace it to lie.</summary>
    internal Func<byte[], byte[]> Quote { get; set; }

    // TARGETINFO: measurement at 0, attributes at 32.
    private byte[] TargetInfo()
    {
        byte[] info = new byte[512];
        Enclave.MrEnclave.Span.CopyTo(info);
        BitConverter.TryWriteBytes(info.AsSpan(32), Enclave.Flags);
        BitConverter.TryWriteBytes(info.AsSpan(40), Enclave.Xfrm);
        return info;
    }
}

using System.Buffers.Binary;
using System.Text;
using Cloister.Simulator.Dcap;

namespace Cloister.Gramine.Tests.Devices;

/// <summary>What is wrong with the host's quoting, or with the enclave.</summary>
internal enum Fault
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>EACCES when a quote is opened: what Gramine says of every quote that failed, whatever the reason, such as AESM being away.</summary>
    NoAccess,

    /// <summary>EIO when a quote is opened.</summary>
    InputOutput,

    /// <summary>Opening a quote does not end.</summary>
    Hangs,

    /// <summary>The manifest asks for no attestation.</summary>
    NoAttestation,

    /// <summary>The enclave runs with debug on.</summary>
    Debug,
}

/// <summary>
/// <c>/dev/attestation</c> as Gramine gives it: <c>user_report_data</c> is taken when it is closed, a quote is made when it is opened. Quotes are of a simulated
/// platform. Source: Gramine, <c>libos/src/fs/dev/attestation.c</c>.
/// </summary>
internal sealed class AttestationFolder : FuseFolder
{
    private const int InputOutputError = 5;
    private const int Interrupted = 4;
    private const int NoAccess = 13;
    private const ulong KillPending = 1UL << 8;

    private readonly Lock _lock = new();
    private readonly DcapPlatform _platform;
    private readonly byte[] _enclaveKey = new byte[16];
    private byte[] _reportData = new byte[64];
    private volatile Fault _fault;

    /// <summary>Mounts it.</summary>
    /// <param name="mountPoint">An empty folder.</param>
    /// <param name="platform">Makes the quotes; disposed of with this.</param>
    internal AttestationFolder(string mountPoint, DcapPlatform platform)
        : base(mountPoint, "attestation_type", "my_target_info", "user_report_data", "quote", "keys", "keys/_sgx_mrenclave", "keys/_sgx_mrsigner")
    {
        _platform = platform;
        Random.Shared.NextBytes(_enclaveKey);
    }

    /// <summary>MRENCLAVE, 32 bytes.</summary>
    internal byte[] MrEnclave { get; set; } = new byte[32];

    internal Fault Fault
    {
        get => _fault;
        set => _fault = value;
    }

    public override void Dispose()
    {
        _fault = Fault.None;
        base.Dispose();
        lock (_lock)
        {
            _platform.Dispose();
        }
    }

    protected override byte[] OnOpen(string path, uint thread) => path switch
    {
        "attestation_type" => Encoding.ASCII.GetBytes(_fault == Fault.NoAttestation ? "none" : "dcap"),
        "my_target_info" => TargetInfo(),
        "user_report_data" => _reportData,
        "quote" => Quote(thread),
        _ => _enclaveKey,
    };

    protected override void OnWritten(string path, byte[] content) =>
        _reportData = path == "user_report_data" ? [.. content.Concat(new byte[64]).Take(64)] : throw new FuseException(NoAccess);

    private byte[] Quote(uint thread)
    {
        while (_fault == Fault.Hangs)
        {
            // A killed process is not held up: the kernel would wait for this call.
            if (IsKilled(thread))
            {
                throw new FuseException(Interrupted);
            }

            Thread.Sleep(50);
        }

        if (_fault is Fault.NoAccess or Fault.InputOutput)
        {
            throw new FuseException(_fault == Fault.NoAccess ? NoAccess : InputOutputError);
        }

        lock (_lock)
        {
            return _platform.QuoteSgx(new EnclaveReportFields { MrEnclave = MrEnclave, ReportData = _reportData });
        }
    }

    private static bool IsKilled(uint thread)
    {
        try
        {
            string pending = File.ReadLines($"/proc/{thread}/status").First(line => line.StartsWith("SigPnd:", StringComparison.Ordinal));
            return (Convert.ToUInt64(pending["SigPnd:".Length..].Trim(), 16) & KillPending) != 0;
        }
        catch (IOException)
        {
            return true;
        }
    }

    // TARGETINFO: measurement at 0, attributes at 32 and 40.
    private byte[] TargetInfo()
    {
        byte[] info = new byte[512];
        MrEnclave.CopyTo(info, 0);
        BinaryPrimitives.WriteUInt64LittleEndian(info.AsSpan(32), _fault == Fault.Debug ? 7u : 5);
        BinaryPrimitives.WriteUInt64LittleEndian(info.AsSpan(40), 0xE7);
        return info;
    }
}

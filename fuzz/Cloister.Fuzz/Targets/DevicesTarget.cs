using System.Text;
using Cloister.Enclave.Base;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Tees;
using Cloister.Enclave.Tees.Devices;
using Cloister.Enclave.Tees.Sgx;
using Cloister.Simulator.Dcap;

namespace Cloister.Fuzz.Targets;

/// <summary>
/// Whole back ends over devices that give anything: start, evidence, sealing key. Each ends with an answer or one message that says what to do,
/// and takes no key slot along.
/// </summary>
internal sealed class DevicesTarget : IFuzzTarget
{
    private static readonly byte[] Bound = [.. Enumerable.Range(1, 64).Select(i => (byte)i)];
    private static readonly EvidenceBinding Binding = new(Bound, default, default);

    private static readonly SecretArena Arena = new(16);

    internal DevicesTarget()
    {
        DcapPlatform platform = DeviceTargets.Platform();
        byte[] measurement = [.. Enumerable.Repeat((byte)7, 48)];
        byte[] targetInfo = [.. measurement[..32], 5, .. new byte[479]];
        byte[] tdReport = new byte[1024];
        tdReport[0] = 0x81;
        measurement.CopyTo(tdReport, 512 + 16);
        byte[] quote = platform.QuoteTdx(new TdReportFields { MrTd = measurement, ReportData = Bound });
        byte[] key = [0, 0, 0, 0, .. new byte[28], .. measurement[..32]];
        byte[] zero = "0\n"u8.ToArray();
        byte[] one = "1\n"u8.ToArray();
        Seeds =
        [
            FuzzedDevices.Input(0, "dcap"u8.ToArray(), targetInfo, platform.QuoteSgx(new EnclaveReportFields { MrEnclave = measurement.AsMemory(0, 32), ReportData = Bound }), measurement[..16]),
            FuzzedDevices.Input(1, tdReport, "tdx_guest\n"u8.ToArray(), zero, one, quote),
            FuzzedDevices.Input(2, DeviceTargets.Report(3), "sev_guest\n"u8.ToArray(), zero, one, new byte[48], key),
            FuzzedDevices.Input(3, DeviceTargets.Answer("DescribePCR", "data", measurement), DeviceTargets.Answer("Attestation", "document", DeviceTargets.Document(Bound))),
        ];

        // From seeds that a back end refuses, nothing behind the refusal would ever be reached.
        if (!Seeds.All(seed => Run(seed)))
        {
            throw new InvalidOperationException("a device that is honest is refused");
        }
    }

    public string Name => "devices";

    public IReadOnlyList<byte[]> Seeds { get; }

    public bool Run(ReadOnlySpan<byte> input)
    {
        FuzzedDevices devices = new(input);
        ITee? tee = TeeDetector.Find(devices, PageProtection.Real, name => new DeviceGate(name, TimeSpan.FromSeconds(30), TimeSpan.Zero), out _, out string whatToDo);
        if (tee is null)
        {
            OneMessage(whatToDo);
            return false;
        }

        Seal(tee.Sealer);
        try
        {
            OneMessage(tee.CheckConfiguration(Bound) ?? "none");
            return tee.Evidence!.GetAsync(Binding, CancellationToken.None).AsTask().GetAwaiter().GetResult().ValueKind == System.Text.Json.JsonValueKind.Object;
        }
        catch (Exception e) when (e is BrokerException or StartException)
        {
            OneMessage(e.Message);
            return false;
        }
    }

    private static void Seal(ISealer? sealer)
    {
        try
        {
            sealer?.SealingKey(Arena).Dispose();
        }
        catch (SealException e)
        {
            OneMessage(e.Message);
        }

        if (Arena.InUse != 0)
        {
            throw new InvalidOperationException("a key slot was lost");
        }
    }

    private static void OneMessage(string message)
    {
        if (message.Length == 0 || message.AsSpan().ContainsAnyExceptInRange(' ', '~') || message.Contains("Exception", StringComparison.Ordinal))
        {
            throw new InvalidOperationException($"no message for people: {Convert.ToHexString(Encoding.UTF8.GetBytes(message))}");
        }
    }
}

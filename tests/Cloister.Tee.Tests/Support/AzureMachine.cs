using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Cloister.Enclave.Tees.Devices;
using Cloister.Enclave.Tees.Vtpm;
using Cloister.Simulator.Azure;
using Cloister.Simulator.Dcap;
using Cloister.Simulator.Snp;

namespace Cloister.Tee.Tests.Support;

/// <summary>A confidential VM of Azure: swtpm behind /dev/tpmrm0 with the paravisor's report in its index, and for TDX the local quote service.</summary>
internal sealed class AzureMachine : FakeMachine, IDevices, IDisposable
{
    private readonly Swtpm _tpm = Swtpm.Start();
    private readonly HttpListener? _service;

    internal AzureMachine(DcapMint? intel)
    {
        Intel = intel;
        _ = this[TpmChannel.Device];
        if (intel is not null)
        {
            using TcpListener probe = new(IPAddress.Loopback, 0);
            probe.Start();
            LocalService = new Uri($"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}/");
            probe.Stop();
            _service = new HttpListener();
            _service.Prefixes.Add(LocalService.ToString());
            _service.Start();
            _ = ServeAsync(_service);
        }

        Start();
    }

    internal DcapMint? Intel { get; }

    internal Swtpm Tpm => _tpm;

    public Uri LocalService { get; } = new("http://127.0.0.1:9/");

    /// <summary>SEV-SNP: what the paravisor is.</summary>
    internal SnpReportFields Paravisor { get; set; } = new SnpMachine().Guest;

    /// <summary>TDX: what the paravisor is.</summary>
    internal TdReportFields Domain { get; set; } = new() { MrTd = Sample.Bytes(48, 0x7D) };

    /// <summary>Changes what the local service answers.</summary>
    internal Func<string, string>? OnQuote { get; set; }

    /// <summary>The paravisor's start: its report goes into the index.</summary>
    internal void Start() => _tpm.WriteReport(Report(AzureVtpm.RuntimeData(_tpm.AttestationKey)));

    /// <summary>A paravisor's report about runtime data.</summary>
    /// <param name="runtime">What the report data covers.</param>
    /// <param name="written">What stands in the report; null for the same.</param>
    internal byte[] Report(byte[] runtime, byte[]? written = null)
    {
        byte[] reportData = new byte[64];
        SHA256.HashData(runtime, reportData);
        byte[] report = Intel is null ? SnpMachine.Sign(Paravisor with { ReportData = reportData }) : (Domain with { ReportData = reportData }).EncodeTdReport();
        return SnpHclReportWriter.Write(report, written ?? runtime, Intel is not null);
    }

    IDeviceFile IDevices.Open(string path, DeviceAccess access)
    {
        if (path != TpmChannel.Device)
        {
            return Open(path, access);
        }

        Assert.Equal(DeviceAccess.ReadWrite, access);
        FakeFile.Throw(path, this[path], "open");
        return _tpm.Open();
    }

    public void Dispose()
    {
        _service?.Close();
        _tpm.Dispose();
    }

    private async Task ServeAsync(HttpListener service)
    {
        try
        {
            while (true)
            {
                HttpListenerContext context = await service.GetContextAsync();
                using JsonDocument asked = await JsonDocument.ParseAsync(context.Request.InputStream);
                byte[] report = Base64Url.DecodeFromChars(asked.RootElement.GetProperty("report").GetString());
                bool isRight = context.Request is { HttpMethod: "POST", RawUrl: "/acc/tdquote" } && report.Length == 1024 && report[0] == 0x81;
                byte[] quote = Intel!.Platform.QuoteTdx(Domain with { ReportData = report.AsMemory(128, 64) });
                string answer = $$"""{"quote":"{{Base64Url.EncodeToString(quote)}}"}""";
                context.Response.StatusCode = isRight ? 200 : 400;
                await context.Response.OutputStream.WriteAsync(Encoding.ASCII.GetBytes(OnQuote?.Invoke(answer) ?? answer));
                context.Response.Close();
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // Closed.
        }
    }
}

using System.Text.Json;
using Cloister.Enclave.Broker;
using Cloister.Simulator.Dcap;

namespace Cloister.Enclave.Sim;

/// <summary>
/// SGX quotes of a simulated vendor: real in form, and signed under a root that only a policy can name. secrets: none.
/// </summary>
internal sealed class SimulatedEvidence : IEvidenceSource
{
    private const string LastQuote = "last-quote.bin";

    // Header 48, report 384, length of the signature data 4; then r and s, 32 bytes each. The last byte of r: r stays below the order.
    private const int SignatureByte = 48 + 384 + 4 + 31;
    private const ulong Flags = 0x05;
    private const ulong DebugFlag = 0x02;

    private readonly SimulationOptions _options;
    private readonly string _directory;

    internal SimulatedEvidence(SimulationOptions options, string vendorDirectory)
    {
        _options = options;
        _directory = vendorDirectory;
    }

    public string Tee => "sgx";

    public ValueTask<JsonElement> GetAsync(ReadOnlyMemory<byte> reportData, CancellationToken cancellation)
    {
        try
        {
            string quote = Convert.ToBase64String(_options.Tamper == EvidenceTamper.Replay ? ReadLast() : Mint(reportData));
            using JsonDocument evidence = JsonDocument.Parse($$"""{"quote":"{{quote}}"}""");
            return ValueTask.FromResult(evidence.RootElement.Clone());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            throw new BrokerException(
                BrokerFailure.Unavailable, "evidence", $"the simulated vendor in {_directory} cannot be read or made: check that this user may write there");
        }
    }

    private byte[] Mint(ReadOnlyMemory<byte> reportData)
    {
        // Opened each time: collateral is made again before it ends, however long this process lives.
        using DcapPlatform platform = DcapVendorDirectory.Open(_directory, DateTimeOffset.UtcNow);
        byte[] quote = platform.QuoteSgx(new EnclaveReportFields
        {
            MrEnclave = _options.Measurement,
            Flags = _options.Debug ? Flags | DebugFlag : Flags,
            ReportData = _options.Tamper == EvidenceTamper.ReportData ? new byte[reportData.Length] : reportData,
        });
        switch (_options.Tamper)
        {
            case EvidenceTamper.None:
                PrivateFile.Create(Path.Combine(_directory, LastQuote), quote);
                break;
            case EvidenceTamper.QuoteSignature:
                quote[SignatureByte] ^= 1;
                break;
        }

        return quote;
    }

    private byte[] ReadLast()
    {
        string path = Path.Combine(_directory, LastQuote);
        return File.Exists(path)
            ? File.ReadAllBytes(path)
            : throw new BrokerException(BrokerFailure.Unavailable, "evidence", $"there is no earlier quote in {_directory} to replay: run an enclave without simulation.tamper first");
    }
}

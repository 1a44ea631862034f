using Cloister.Enclave.Configuration;

namespace Cloister.Enclave.Sim;

/// <summary>The <c>simulation</c> section of a configuration, which only the simulated enclave knows.</summary>
internal sealed class SimulationOptions
{
    /// <summary>The measurement of a simulated enclave that is not told another: no code was measured, so it is a constant.</summary>
    internal const string DefaultMeasurement = "51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed";

    private const int MeasurementSize = 32;

    private readonly bool _isMeasured;
    private long _remoteCalls;

    /// <summary>Nothing read yet.</summary>
    /// <param name="measurement">What was measured of the machine, 32 bytes; null: nothing is.</param>
    internal SimulationOptions(byte[]? measurement = null)
    {
        _isMeasured = measurement is not null;
        Measurement = measurement ?? Convert.FromHexString(DefaultMeasurement);
    }

    /// <summary>Where the key lies that stands for the platform's sealing key. Made at first use.</summary>
    internal string? SealingKeyFile { get; private set; }

    /// <summary>Where the KEKs of the software KMS lie, in clear. Made at first use.</summary>
    internal string? KmsKeyFile { get; private set; }

    /// <summary>Where the simulated vendor lies whose quotes are this enclave's evidence; null: it has none. Made at first use.</summary>
    internal string? VendorDirectory { get; private set; }

    /// <summary>MRENCLAVE of the quotes, 32 bytes.</summary>
    internal byte[] Measurement { get; private set; }

    /// <summary>Whether quotes say that it is a debug enclave.</summary>
    internal bool Debug { get; private set; }

    /// <summary>What is wrong with the evidence.</summary>
    internal EvidenceTamper Tamper { get; private set; }

    /// <summary>How this process dies once it was configured: <c>none</c>, <c>memory</c> (takes all there is) or <c>abort</c>.</summary>
    internal string Fault { get; private set; } = "none";

    /// <summary>What each call of the software KMS takes.</summary>
    internal TimeSpan KmsLatency { get; private set; }

    /// <summary>Encryptions and decryptions by the software KMS so far, a batch counted once.</summary>
    internal long RemoteCalls => Volatile.Read(ref _remoteCalls);

    internal void CountRemoteCall() => Interlocked.Increment(ref _remoteCalls);

    internal void Read(ConfigurationMapping root)
    {
        ConfigurationMapping section = root.Mapping("simulation");
        SealingKeyFile = section.Parsed<string?>("sealingKeyFile", null, AbsolutePath);
        VendorDirectory = section.Parsed<string?>("vendorDirectory", null, AbsolutePath);
        Measurement = section.Parsed("measurement", Measurement, Digest);
        if (_isMeasured && section.Has("measurement"))
        {
            section.Fail("measurement", "in a virtual machine of its own the enclave measures the image: leave it out");
        }

        Debug = section.OneOf("debug", "false", false, "true", "false") == "true";
        Tamper = section.OneOf("tamper", "none", false, "none", "quote-signature", "report-data", "replay") switch
        {
            "quote-signature" => EvidenceTamper.QuoteSignature,
            "report-data" => EvidenceTamper.ReportData,
            "replay" => EvidenceTamper.Replay,
            _ => EvidenceTamper.None,
        };
        Fault = section.OneOf("fault", "none", false, "none", "memory", "abort");
        ConfigurationMapping kms = section.Mapping("remoteKms");
        KmsKeyFile = kms.Parsed<string?>("keyFile", null, AbsolutePath);
        KmsLatency = kms.Duration("latency", TimeSpan.Zero, TimeSpan.Zero, TimeSpan.FromMinutes(1));
        kms.RefuseUnknown();
        section.RefuseUnknown();
    }

    private static string AbsolutePath(string text) =>
        text.StartsWith('/') ? text : throw new FormatException("an absolute path");

    private static byte[] Digest(string text) =>
        text.Length == 2 * MeasurementSize && text.All(char.IsAsciiHexDigit)
            ? Convert.FromHexString(text)
            : throw new FormatException($"{2 * MeasurementSize} hex digits");
}

using Cloister.Enclave.Configuration;

namespace Cloister.Enclave.Sim;

/// <summary>The <c>simulation</c> section of a configuration, which only the simulated enclave knows.</summary>
internal sealed class SimulationOptions
{
    private long _remoteCalls;

    /// <summary>Where the key lies that stands for the platform's sealing key. Made at first use.</summary>
    internal string? SealingKeyFile { get; private set; }

    /// <summary>Where the KEKs of the software KMS lie, in clear. Made at first use.</summary>
    internal string? KmsKeyFile { get; private set; }

    /// <summary>What each call of the software KMS takes.</summary>
    internal TimeSpan KmsLatency { get; private set; }

    /// <summary>Encryptions and decryptions by the software KMS so far, a batch counted once.</summary>
    internal long RemoteCalls => Volatile.Read(ref _remoteCalls);

    internal void CountRemoteCall() => Interlocked.Increment(ref _remoteCalls);

    internal void Read(ConfigurationMapping root)
    {
        ConfigurationMapping section = root.Mapping("simulation");
        SealingKeyFile = section.Parsed<string?>("sealingKeyFile", null, AbsolutePath);
        ConfigurationMapping kms = section.Mapping("remoteKms");
        KmsKeyFile = kms.Parsed<string?>("keyFile", null, AbsolutePath);
        KmsLatency = kms.Duration("latency", TimeSpan.Zero, TimeSpan.Zero, TimeSpan.FromMinutes(1));
        kms.RefuseUnknown();
        section.RefuseUnknown();
    }

    private static string AbsolutePath(string text) =>
        text.StartsWith('/') ? text : throw new FormatException("an absolute path");
}

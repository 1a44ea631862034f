using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Cloister.Cli.Output;

namespace Cloister.Cli.RollOut;

/// <summary>What one API server says of itself: which EncryptionConfiguration is in force there, whatever lies on its disk.</summary>
/// <param name="Name">The operator's name for it.</param>
/// <param name="Url">Where it was asked.</param>
/// <param name="Phase">Null when it cannot be told: <paramref name="Problem"/> says why.</param>
/// <param name="Problem">What keeps it from being counted on; empty when nothing does.</param>
/// <param name="Id">Hash of its identity in the cluster; empty without an EncryptionConfiguration.</param>
/// <param name="Started">When its process started, as it says: what tells two API servers from one that was asked twice.</param>
/// <param name="KeyIdHash">Of the key_id that its plugin gave last; empty when it has none.</param>
internal sealed partial record ApiServerView(string Name, string Url, Phase? Phase, string Problem, string Id = "", string Started = "", string KeyIdHash = "")
{
    private const string Configuration = "apiserver_encryption_config_controller_last_config_info";
    private const string Status = "apiserver_envelope_encryption_key_id_hash_status_last_timestamp_seconds";
    private const string Start = "process_start_time_seconds";

    /// <summary>From its metrics, in Prometheus' text format.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="url">Where it was asked.</param>
    /// <param name="metrics">The text.</param>
    /// <param name="notReady">What its <c>/readyz</c> complains about; empty when it is ready.</param>
    /// <param name="files">The files of the phases.</param>
    internal static ApiServerView Of(string name, string url, string metrics, string notReady, PhaseFiles files)
    {
        string id = "", hash = "", started = "", keyId = "";
        double newest = double.MinValue;
        foreach (Match sample in SampleForm().Matches(metrics))
        {
            Dictionary<string, string> labels = LabelForm().Matches(sample.Groups["labels"].Value)
                .DistinctBy(label => label.Groups[1].Value).ToDictionary(label => label.Groups[1].Value, label => label.Groups[2].Value);
            string value = sample.Groups["value"].Value;
            switch (sample.Groups["name"].Value)
            {
                case Configuration:
                    (id, hash) = (labels.GetValueOrDefault("apiserver_id_hash", ""), labels.GetValueOrDefault("hash", ""));
                    break;
                case Start:
                    started = value;
                    break;
                case Status when labels.GetValueOrDefault("provider_name") == files.Provider
                    && double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double at) && at > newest:
                    (newest, keyId) = (at, labels.GetValueOrDefault("key_id_hash", ""));
                    break;
            }
        }

        if (started.Length == 0)
        {
            return new ApiServerView(name, url, null, $"what it answers has no {Start}: is it an API server's /metrics?");
        }

        Phase? phase = hash.Length == 0 ? RollOut.Phase.None : files.Of(hash);
        string problem = phase is null ? $"its EncryptionConfiguration ({hash}) is none of the files in --phases: put one of them there, byte for byte" : notReady;
        return new ApiServerView(name, url, phase, problem, id, started, keyId);
    }

    /// <summary>With what it says of its gateway.</summary>
    /// <param name="gateway">Whether Secrets go through one; null when that cannot be told.</param>
    /// <param name="error">What it answered then.</param>
    internal ApiServerView Behind(bool? gateway, string error) => (gateway, Phase) switch
    {
        (null, _) => this with { Phase = null, Problem = $"whether its Secrets go through a gateway cannot be told: {error}" },
        (false, _) => this,
        (_, RollOut.Phase.None or RollOut.Phase.Readers) => this with { Phase = RollOut.Phase.Gateway },
        _ => this with { Phase = null, Problem = "it encrypts Secrets and has a gateway do it again, which refuses that: give it phase readers" },
    };

    internal JsonObject ToJson() => new()
    {
        ["name"] = Name, ["url"] = Url, ["phase"] = Phase is { } phase ? PhaseFiles.NameOf(phase) : null, ["problem"] = Problem.Length == 0 ? null : CliOutput.Shown(Problem),
        ["keyIdHash"] = KeyIdHash.Length == 0 ? null : KeyIdHash,
    };

    [GeneratedRegex(@"^(?<name>[a-z_]+)(\{(?<labels>[^\n]*)\})? (?<value>[^ \n]+)", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex SampleForm();

    [GeneratedRegex("([a-z_]+)=\"([^\"]*)\"")]
    private static partial Regex LabelForm();
}

using System.CommandLine;
using Cloister.Attestation;

namespace Cloister.Cli.Policy;

/// <summary>The options that carry a measurement or another reference value: which there are, for which TEE, and what was given.</summary>
internal sealed class MeasurementOptions
{
    private readonly Dictionary<string, (Option<string[]> Option, Tee[] Tees)> _options = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _computed = new(StringComparer.Ordinal);
    private readonly string[] _without;
    private ParseResult? _parsed;

    /// <summary>All options but those that are computed.</summary>
    /// <param name="without">Names of values that no option gives, but <see cref="Compute"/>.</param>
    internal MeasurementOptions(params string[] without)
    {
        _without = without;
        Add("mrenclave", "MRENCLAVE, 64 hex digits: what 'make measurement' prints", Tee.Sgx);
        Add("mrtd", "MRTD, 96 hex digits", Tee.Tdx);
        for (int i = 0; i <= 3; i++)
        {
            Add($"rtmr{i}", $"RTMR{i}, 96 hex digits", Tee.Tdx);
        }

        Add("tdattributes", "TDATTRIBUTES, 16 hex digits", Tee.Tdx);
        Add("xfam", "XFAM, 16 hex digits", Tee.Tdx);
        Add("measurement", "launch measurement, 96 hex digits", Tee.Snp);
        Add("product", "product line: Milan, Genoa or Turin", Tee.Snp);
        Add("min-tcb", "lowest TCB, such as Genoa:bootloader=10,tee=0,snp=23,microcode=84", Tee.Snp);
        Add("min-firmware", "lowest firmware, such as 1.55.40", Tee.Snp);
        foreach (int i in (int[])[0, 1, 2, 3, 4, 8])
        {
            Add($"pcr{i}", $"PCR{i}, 96 hex digits", Tee.Nitro);
        }

        Add("tcb-status", "TCB status that is acceptable (UpToDate)", Tee.Sgx, Tee.Tdx);
        Add("advisory", "advisory that is acceptable, such as INTEL-SA-00615 (none)", Tee.Sgx, Tee.Tdx);
        Add("min-evaluation-data-number", "lowest tcbEvaluationDataNumber", Tee.Sgx, Tee.Tdx);
        Add("min-tcb-date", "lowest date of the TCB level, such as 2024-03-13", Tee.Sgx, Tee.Tdx);
        Add("platform", "platform that is acceptable: ppid=HEX, platformInstanceId=HEX or chipId=HEX", Tee.Sgx, Tee.Tdx, Tee.Snp);
    }

    internal IEnumerable<Option> All => _options.Where(entry => !_without.Contains(entry.Key)).Select(entry => entry.Value.Option);

    /// <summary>Takes what was given, and refuses what is of another TEE or no plain word.</summary>
    /// <exception cref="CliException">An option does not belong to this TEE, or holds what could be read as more than a value.</exception>
    internal void Take(ParseResult parsed, Tee tee)
    {
        _parsed = parsed;
        foreach ((string name, (_, Tee[] tees)) in _options)
        {
            string[] values = Values(name);
            if (values.Length > 0 && !tees.Contains(tee))
            {
                throw new CliException($"--{name} says nothing about --tee {tee.ToString().ToLowerInvariant()}: leave it out");
            }

            if (Array.Exists(values, value => value.Length == 0 || !value.All(c => char.IsAsciiLetterOrDigit(c) || ":=,.-".Contains(c, StringComparison.Ordinal))))
            {
                throw new CliException($"--{name} has letters, digits and : = , . - only");
            }
        }
    }

    /// <summary>Takes a value that was computed: hex digits.</summary>
    internal void Compute(string name, string value) => _computed.Add(name, value);

    internal string[] Values(string name) => _computed.TryGetValue(name, out string? value) ? [value] : _without.Contains(name) ? [] : _parsed!.GetValue(_options[name].Option) ?? [];

    /// <summary>Hex values as a YAML list; null when none was given.</summary>
    internal string? Hex(string name) =>
        Values(name) is [_, ..] values ? $"[{string.Join(", ", values.Select(value => $"\"{value.ToLowerInvariant()}\""))}]" : null;

    /// <summary>Words as a YAML list; null when none was given.</summary>
    internal string? Words(string name) => Values(name) is [_, ..] values ? $"[{string.Join(", ", values)}]" : null;

    /// <summary>One value; null when it was not given.</summary>
    /// <exception cref="CliException">More than one was given.</exception>
    internal string? One(string name) => Values(name) switch
    {
        [] => null,
        [string value] => value,
        _ => throw new CliException($"--{name} is given once"),
    };

    private void Add(string name, string description, params Tee[] tees) =>
        _options.Add(name, (new Option<string[]>($"--{name}") { Description = $"{string.Join(", ", tees.Select(tee => tee.ToString().ToLowerInvariant()))}: {description}" }, tees));
}

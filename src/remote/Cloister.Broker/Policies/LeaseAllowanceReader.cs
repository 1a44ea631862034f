using System.Globalization;
using Cloister.Attestation.Policies;
using YamlDotNet.RepresentationModel;

namespace Cloister.Broker.Policies;

/// <summary>Reads <c>spec.lease</c>. Budgets have no default: an enclave whose clock the host holds is bounded by them alone.</summary>
internal static class LeaseAllowanceReader
{
    private static readonly TimeSpan DefaultDuration = TimeSpan.FromHours(1);
    private static readonly TimeSpan MinDuration = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan MaxDuration = TimeSpan.FromHours(24);

    public static LeaseAllowance? Read(MappingReader spec, YamlNode root, PolicyErrors errors)
    {
        if (spec.Mapping("lease") is not { } lease)
        {
            errors.Add(root, "spec.lease", "missing");
            return null;
        }

        TimeSpan duration = Span(lease, "duration", DefaultDuration, MinDuration, errors);
        TimeSpan grace = Span(lease, "grace", TimeSpan.Zero, TimeSpan.Zero, errors);
        long wraps = Budget(lease, "wraps", root, errors);
        long unwraps = Budget(lease, "unwraps", root, errors);
        lease.Finish();
        return new LeaseAllowance(duration, grace, wraps, unwraps);
    }

    private static long Budget(MappingReader lease, string field, YamlNode root, PolicyErrors errors)
    {
        if (lease.Take(field) is null)
        {
            errors.Add(root, lease.PathOf(field), "missing: say how many uses there may be between renewals");
        }

        return (long)(lease.Number(field, long.MaxValue) ?? 0);
    }

    private static TimeSpan Span(MappingReader lease, string field, TimeSpan missing, TimeSpan least, PolicyErrors errors)
    {
        if (lease.Take(field) is not { } node)
        {
            return missing;
        }

        if (TryParse((node as YamlScalarNode)?.Value ?? "", out TimeSpan span) && span >= least && span <= MaxDuration)
        {
            return span;
        }

        errors.Add(node, lease.PathOf(field), $"expected {least.TotalSeconds:0}s to {MaxDuration.TotalHours:0}h, such as 90s, 15m or 1h");
        return missing;
    }

    private static bool TryParse(string text, out TimeSpan span)
    {
        span = TimeSpan.Zero;
        int unit = text.Length == 0 ? 0 : text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, _ => 0 };
        if (unit == 0 || text.Length > 7 || !int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out int count))
        {
            return false;
        }

        span = TimeSpan.FromSeconds((long)count * unit);
        return true;
    }
}

using System.Globalization;
using System.Text;
using Cloister.Broker.State;

namespace Cloister.Broker.Host.Audit;

/// <summary>Which log a database has: the first line of its checkpoints. A log that was put back, or lost, is another one from then on, so that witnesses go on with it.</summary>
internal static class AuditOrigin
{
    private const string Setting = "audit-origin";

    /// <summary>That of a database; made where there is none.</summary>
    public static async Task<string> OpenAsync(ISettings settings, string authority, CancellationToken cancellation)
    {
        await settings.SetSettingIfAbsentAsync(Setting, Encoding.UTF8.GetBytes($"cloister.dev/audit/{authority}"), cancellation);
        return Encoding.UTF8.GetString(await settings.FindSettingAsync(Setting, cancellation) ?? []);
    }

    /// <summary>Begins another.</summary>
    public static async Task<string> RenewAsync(ISettings settings, string authority, DateTimeOffset now, CancellationToken cancellation)
    {
        string origin = string.Create(CultureInfo.InvariantCulture, $"cloister.dev/audit/{authority}/{now.ToUnixTimeSeconds()}");
        await settings.RemoveSettingAsync(Setting, cancellation);
        await settings.SetSettingIfAbsentAsync(Setting, Encoding.UTF8.GetBytes(origin), cancellation);
        return origin;
    }
}

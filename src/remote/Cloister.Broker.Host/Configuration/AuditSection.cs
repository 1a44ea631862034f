using System.Globalization;
using Cloister.Audit;

namespace Cloister.Broker.Host.Configuration;

/// <summary>What becomes of the audit log outside of the database (docs/audit-log.md). secrets: none; a token is in a file that is named.</summary>
/// <param name="Directory">Where the broker remembers the head that it signed; null: beside what it has on this machine already.</param>
/// <param name="KeepDays">For how long entries keep their contents; null: for ever.</param>
/// <param name="Targets">Where checkpoints go.</param>
/// <param name="Witnesses">Who cosigns them.</param>
internal sealed record AuditSection(string? Directory, int? KeepDays, IReadOnlyList<CheckpointTargetOptions> Targets, IReadOnlyList<WitnessOptions> Witnesses)
{
    /// <summary>Nothing said.</summary>
    public static AuditSection None { get; } = new(null, null, [], []);
}

/// <summary>Where checkpoints go: one of the three.</summary>
/// <param name="File">A file that they are appended to.</param>
/// <param name="Syslog"><c>udp://HOST:PORT</c>, <c>tcp://HOST:PORT</c> or <c>unix:PATH</c>.</param>
/// <param name="Webhook">A URL that they are posted to.</param>
/// <param name="TokenFile">The webhook's bearer token, or null.</param>
/// <param name="CaFile">Authorities of the webhook's certificate, PEM; null: the system's.</param>
internal sealed record CheckpointTargetOptions(string? File, Uri? Syslog, Uri? Webhook, string? TokenFile, string? CaFile);

/// <summary>A witness of C2SP tlog-witness.</summary>
/// <param name="Url">What its paths begin with.</param>
/// <param name="Key">What its cosignatures are verified with.</param>
/// <param name="CaFile">Authorities of its certificate, PEM; null: the system's.</param>
internal sealed record WitnessOptions(Uri Url, NoteKey Key, string? CaFile);

/// <summary>Reads <c>audit</c>.</summary>
internal static class AuditSectionReader
{
    private static readonly string[] Kinds = ["file", "syslog", "webhook"];

    /// <summary>The section, or what counts without one; also after an error.</summary>
    public static AuditSection Read(SectionReader root)
    {
        if (root.Section("audit") is not { } section)
        {
            return AuditSection.None;
        }

        string? directory = section.Optional("directory", SectionReader.AbsolutePath);
        string? days = section.Optional("keepDays", KeepDays);
        CheckpointTargetOptions[] targets = [.. section.Sections("checkpoints").Select(ReadTarget)];
        WitnessOptions[] witnesses = [.. section.Sections("witnesses").Select(ReadWitness).OfType<WitnessOptions>()];
        section.Finish();
        if (witnesses.Select(witness => witness.Key.Name).Distinct().Count() != witnesses.Length)
        {
            section.Fail("witnesses", "two of them have the same name");
        }

        return new AuditSection(directory, days is null ? null : int.Parse(days, CultureInfo.InvariantCulture), targets, witnesses);
    }

    private static CheckpointTargetOptions ReadTarget(SectionReader section)
    {
        CheckpointTargetOptions target = new(
            section.Optional("file", SectionReader.AbsolutePath), section.Optional("syslog", Syslog), section.Optional("webhook", SectionReader.HttpUrl),
            section.Optional("tokenFile", SectionReader.AbsolutePath), section.Optional("caFile", SectionReader.AbsolutePath));
        bool one = Kinds.Count(section.Has) == 1;
        section.Finish();
        if (!one || ((target.TokenFile ?? target.CaFile) is not null && !section.Has("webhook")))
        {
            section.Fail("", "exactly one of file, syslog and webhook; tokenFile and caFile are the webhook's");
        }

        return target;
    }

    private static WitnessOptions? ReadWitness(SectionReader section)
    {
        Uri? url = section.Required("url", SectionReader.HttpUrl);
        NoteKey? key = section.Required("key", WitnessKey);
        string? caFile = section.Optional("caFile", SectionReader.AbsolutePath);
        section.Finish();
        return url is null || key is null ? null : new WitnessOptions(url, key, caFile);
    }

    private static NoteKey WitnessKey(string text) =>
        NoteKey.Parse(text) is { Type: NoteKey.CosignatureType } key ? key : throw new FormatException("that is no witness's key: its kind is cosignatures with Ed25519 (04)");

    private static string KeepDays(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int days) && days is >= 1 and <= 36_500 ? text : throw new FormatException("expected days, 1 or more");

    private static Uri Syslog(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? url)
        && ((url.Scheme is "udp" or "tcp" && url.Port > 0 && url.PathAndQuery is "/" or "") || (url.Scheme == "unix" && url.Host.Length == 0 && Path.IsPathFullyQualified(url.AbsolutePath)))
            ? url
            : throw new FormatException("expected udp://HOST:PORT, tcp://HOST:PORT or unix:PATH");
}

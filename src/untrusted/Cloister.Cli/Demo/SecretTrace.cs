using System.Text;
using System.Text.Json.Nodes;

namespace Cloister.Cli.Demo;

/// <summary>One Secret's way through the gateway.</summary>
internal sealed record SecretTrace
{
    private const int Shown = 48;

    /// <summary>The etcd key.</summary>
    internal required string Key { get; init; }

    /// <summary>What the API server sent: the stored value, opened with the KEK by the written formats alone; empty when it does not open.</summary>
    internal required byte[] Sent { get; init; }

    /// <summary>What etcd holds.</summary>
    internal required byte[] Stored { get; init; }

    /// <summary>How much of that is the provider's prefix.</summary>
    internal required int PrefixLength { get; init; }

    /// <summary>What a client with the API server's certificate reads through the gateway.</summary>
    internal required byte[] ReadThroughGateway { get; init; }

    /// <summary>kubectl got back what it wrote.</summary>
    internal required bool RoundTrip { get; init; }

    /// <summary>The text that must not stand in etcd.</summary>
    internal required string Text { get; init; }

    /// <summary>Clear on one side, not on the other, and the same again.</summary>
    internal bool Holds => RoundTrip && Has(Sent) && !Has(Stored) && Sent.AsSpan().SequenceEqual(ReadThroughGateway);

    internal JsonObject ToJson() => new()
    {
        ["key"] = Key,
        ["apiServerSends"] = Printable(Sent),
        ["etcdHolds"] = StoredText,
        ["readThroughGateway"] = Printable(ReadThroughGateway),
        ["kubectlReadsWhatItWrote"] = RoundTrip,
        ["held"] = Holds,
    };

    internal IEnumerable<IReadOnlyList<string>> ToRows() =>
    [
        ["the API server sends", $"{Printable(Sent)} ({Sent.Length} bytes)"],
        ["etcd holds", $"{StoredText} ({Stored.Length} bytes)"],
        ["the API server reads", $"{Printable(ReadThroughGateway)} ({ReadThroughGateway.Length} bytes)"],
        ["kubectl reads what it wrote", RoundTrip ? "yes" : "NO"],
    ];

    private string StoredText => Encoding.ASCII.GetString(Stored, 0, PrefixLength)
        + Convert.ToHexStringLower(Stored.AsSpan(PrefixLength, Math.Min(12, Stored.Length - PrefixLength))) + "...";

    private bool Has(byte[] bytes) => bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(Text)) >= 0;

    // The beginning and the part with the text, as od(1) would show them: what cannot be printed is a dot.
    private string Printable(byte[] bytes)
    {
        int text = Math.Max(0, bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(Text)));
        string beginning = Dots(bytes.AsSpan(0, Math.Min(Shown / 2, bytes.Length)));
        return text == 0 ? beginning + "..." : $"{beginning}...{Dots(bytes.AsSpan(text, Math.Min(Shown, bytes.Length - text)))}";
    }

    private static string Dots(ReadOnlySpan<byte> bytes)
    {
        StringBuilder text = new(bytes.Length);
        foreach (byte one in bytes)
        {
            text.Append(one is >= (byte)' ' and <= (byte)'~' ? (char)one : '.');
        }

        return text.ToString();
    }
}

namespace Cloister.Cli.Etcd.Rewrap;

/// <summary>What became of every key; each is in exactly one count.</summary>
internal sealed class RewrapCounts
{
    private const int MaxProblems = 20;

    private readonly List<(string Key, string What)> _problems = [];

    /// <summary>Written under the current KEK, or would be.</summary>
    internal long Rewrapped { get; set; }

    /// <summary>Was in clear and was encrypted, or would be.</summary>
    internal long Encrypted { get; set; }

    /// <summary>Under the current KEK already.</summary>
    internal long Current { get; set; }

    /// <summary>Deleted meanwhile.</summary>
    internal long Gone { get; set; }

    /// <summary>In clear, and left so.</summary>
    internal long Plaintext { get; private set; }

    /// <summary>Of another provider, unknown or malformed: left as it is.</summary>
    internal long Foreign { get; private set; }

    /// <summary>Of this provider, and does not open.</summary>
    internal long Undecryptable { get; private set; }

    /// <summary>Of a namespace whose KEK is not in the enclave.</summary>
    internal long NoKek { get; private set; }

    /// <summary>Encrypted twice, and left so.</summary>
    internal long Double { get; private set; }

    /// <summary>Somebody else wrote it, each time again.</summary>
    internal long Contended { get; private set; }

    /// <summary>Of those that were rewrapped: written after <see cref="RewrapOptions.ConvergedAt"/>, and yet not with the current KEK.</summary>
    internal long Late { get; set; }

    /// <summary>Times that somebody else was faster, and won.</summary>
    internal long Retries { get; set; }

    internal long Keys => Rewrapped + Encrypted + Current + Gone + Left;

    /// <summary>Keys that are not under the current KEK.</summary>
    internal long Left => Plaintext + Foreign + Undecryptable + NoKek + Double + Contended;

    /// <summary>The first of them.</summary>
    internal IReadOnlyList<(string Key, string What)> Problems => _problems;

    internal void AddPlaintext(string key) => Plaintext += Problem(key, "plaintext");

    internal void AddForeign(string key) => Foreign += Problem(key, "foreign");

    internal void AddUndecryptable(string key) => Undecryptable += Problem(key, "undecryptable");

    internal void AddNoKek(string key) => NoKek += Problem(key, "noKek");

    internal void AddDouble(string key) => Double += Problem(key, "double");

    internal void AddContended(string key) => Contended += Problem(key, "contended");

    private int Problem(string key, string what)
    {
        if (_problems.Count < MaxProblems)
        {
            _problems.Add((key, what));
        }

        return 1;
    }
}

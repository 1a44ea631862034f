using Cloister.Attestation.Abi;

namespace Cloister.Fuzz.Targets;

/// <summary>A parser or a verifier of attestation evidence. Malformed input is refused by <see cref="EvidenceFormatException"/> and by nothing else.</summary>
internal sealed class AttestationTarget : IFuzzTarget
{
    private readonly Lazy<IReadOnlyList<byte[]>> _seeds;
    private readonly Func<byte[], bool> _run;

    internal AttestationTarget(string name, Func<IReadOnlyList<byte[]>> seeds, Func<byte[], bool> run)
    {
        Name = name;
        _seeds = new Lazy<IReadOnlyList<byte[]>>(seeds);
        _run = run;
    }

    public string Name { get; }

    public IReadOnlyList<byte[]> Seeds => _seeds.Value;

    public bool Run(ReadOnlySpan<byte> input)
    {
        try
        {
            return _run(input.ToArray());
        }
        catch (EvidenceFormatException e) when (e.Field.Length > 0 && e.Offset >= 0)
        {
            return false;
        }
    }
}

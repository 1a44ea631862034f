namespace Cloister.Simulator.Dcap;

/// <summary>One simulated TDX module identity.</summary>
/// <param name="Id"><c>TDX_01</c> and so on.</param>
/// <param name="Levels">Its levels, in the order in which they are written.</param>
public sealed record SimulatedTdxModule(string Id, params SimulatedIsvSvnLevel[] Levels)
{
    /// <summary>Signer, 48 bytes.</summary>
    public byte[] MrSigner { get; init; } = new byte[48];

    /// <summary>Attributes, 8 bytes.</summary>
    public byte[] Attributes { get; init; } = new byte[8];
}

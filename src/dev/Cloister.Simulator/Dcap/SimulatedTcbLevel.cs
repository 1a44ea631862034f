namespace Cloister.Simulator.Dcap;

/// <summary>One level of simulated TCB info.</summary>
/// <param name="SgxComponents">16 security versions.</param>
/// <param name="PceSvn">PCESVN.</param>
/// <param name="TdxComponents">16 security versions; empty for SGX.</param>
/// <param name="Status">As the API writes it.</param>
/// <param name="Advisories">Advisory ids.</param>
public sealed record SimulatedTcbLevel(byte[] SgxComponents, int PceSvn, byte[] TdxComponents, string Status, params string[] Advisories)
{
    /// <summary>Date of the level.</summary>
    public string Date { get; init; } = "2024-03-13T00:00:00Z";
}

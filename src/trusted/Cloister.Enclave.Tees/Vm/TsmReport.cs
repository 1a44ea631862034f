namespace Cloister.Enclave.Tees.Vm;

/// <summary>What configfs-tsm gave. secrets: none.</summary>
/// <param name="Out">Quote or report.</param>
/// <param name="Aux">SNP: the host's certificate table; empty when there is none.</param>
internal sealed record TsmReport(byte[] Out, byte[] Aux);

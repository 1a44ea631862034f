namespace Cloister.Broker.State.Sql;

/// <summary>A statement of a <see cref="BatchedWrite{T}"/>. secrets: parameters pass.</summary>
/// <param name="Sql">What is executed; parameters are @Name.</param>
/// <param name="HasAnswer">Whether it answers rows, which then are read.</param>
/// <param name="Parameters">Texts, numbers, octets; null where there is none.</param>
internal sealed record Statement(string Sql, bool HasAnswer, params IReadOnlyList<(string Name, object? Value)> Parameters);

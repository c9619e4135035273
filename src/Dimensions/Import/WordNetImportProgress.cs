namespace DimensionStore;

/// <summary>How far an import is.</summary>
/// <param name="Activity">What is being done.</param>
/// <param name="Fraction">0 to 1.</param>
public readonly record struct WordNetImportProgress(string Activity, double Fraction);
